// A process on its loop: watched for its end, told to end, and reaped.

/// The loop's side of a process that somebody waits for. Everything here runs on the loop's
/// thread.
///
/// A pidfd becomes readable when its process ends: one descriptor each, so an end costs the same
/// among ten processes and among thousands, and nobody else's signal handler, mask or `waitpid`
/// can take it away (PITFALLS D8 to D10). Where the system has none, a thread waits.
final class ProcessCore: ShutdownParticipant {
    let core: LoopCore
    let child: ChildHandle
    private let loop: EventLoop
    let name: String
    private let ownership: Ownership
    /// Readable by the face, on any thread.
    let record: Locked<ProcessEnd?>
    private var poll: UVPoll?
    /// The portable path's watch.
    private var uvProcess: UVProcess?
    private var waiters: [(id: WaitID, waiter: Waiter<ProcessOutcome>, since: MonotonicTime)] = []
    private var killTimer = TimerID.none
    private var drainTimer = TimerID.none
    /// What ends some time after the child, and when.
    private var outputs: [StreamCore] = []
    private var outputGrace = Duration.zero
    private var phase = Phase.running
    private var isTerminating = false
    var madeAt = PlaceID.unknown

    private enum Phase { case running, kept, over }

    /// What this process is to us.
    struct Ownership: Sendable {
        /// Ours to reap and to signal; else only watched.
        var isChild: Bool
        /// It leads a group that is signalled with it.
        var leadsGroup: Bool
        /// Kept as a zombie until `letGo`, so that its group can still be ended.
        var isScoped: Bool
        static let stranger = Ownership(isChild: false, leadsGroup: false, isScoped: false)
    }

    /// The caller keeps `child` if this throws.
    init(
        _ child: ChildHandle, name: String, _ ownership: Ownership,
        record: Locked<ProcessEnd?> = Locked(nil), watchedBy process: UVProcess? = nil,
        on loop: EventLoop
    ) throws(ReactorError) {
        core = loop.core
        self.loop = loop
        self.child = child
        self.name = name
        self.ownership = ownership
        self.record = record
        guard !core.isClosed else { throw ReactorError(.loopClosed, "watch \(name)") }
        uvProcess = process
        if process == nil, let pidfd = child.pidfd { poll = try UVPoll(pidfd, on: core.uv) }
        super.init()
        core.participants.join(self)
        if let process {
            process.onExit { [weak self] code, signal in self?.ended(code, signal) }
        } else if let poll {
            poll.watch(.readable, for: self)
        } else {
            watchFromThread()
        }
    }

    private func watchFromThread() {
        let (child, loop, bound) = (child, loop, LoopBound(self, on: loop))
        do throws(ReactorError) {
            try Thread.start(name: "reactor-wait") {
                child.waitBlocking()
                loop.post { bound.here.collect() }
            }
        } catch {
            Log.logger.error("\(name) cannot be watched: \(error)")
            end(ProcessEnd(status: .unknown(.reapedElsewhere), usage: nil), isKept: false)
        }
    }

    /// The pipes that the child writes to; they end at the latest so long after it.
    func add(outputs: [StreamCore], grace: Duration) {
        self.outputs += outputs
        outputGrace = grace
        if phase != .running { scheduleDrain() }
    }

    // MARK: The end

    override func ready(readable: Bool, writable: Bool, failed: Bool) { collect() }

    private func collect() {
        guard phase == .running else { return }
        let isKept = !ownership.isChild || ownership.isScoped && ownership.leadsGroup
        let lost: ExitStatus.Reason = ownership.isChild ? .reapedElsewhere : .notOurChild
        guard let end = ProcessEnd(child.poll(keeping: isKept), lost: lost) else { return }
        self.end(end, isKept: isKept && ownership.isChild)
    }

    /// libuv has reaped it, and tells no usage.
    private func ended(_ code: Int64, _ signal: Int32) {
        guard phase == .running else { return }
        let status: ExitStatus =
            signal == 0
            ? .exited(Int32(truncatingIfNeeded: code))
            : .signaled(Signal(rawValue: signal), coreDumped: false)
        uvProcess = nil
        end(ProcessEnd(status: status, usage: nil), isKept: false)
    }

    private func end(_ end: ProcessEnd, isKept: Bool) {
        phase = isKept ? .kept : .over
        record.withLock { $0 = end }
        _ = core.timers.cancel(killTimer)
        poll.take()?.release()
        if !isKept { leave() }
        scheduleDrain()
        for (_, waiter, _) in waiters { waiter.resume(.ended(end)) }
        waiters = []
    }

    private func leave() {
        child.close()
        core.participants.leave(self)
    }

    /// The scope of a child that leads a group is over: what is left of the group goes with it.
    func letGo() {
        _ = core.timers.cancel(drainTimer)
        outputs = []
        guard phase == .kept else { return }
        phase = .over
        _ = child.signalGroup(Signal.kill.rawValue)
        _ = child.poll(keeping: false)
        leave()
    }

    // MARK: Outputs

    /// What somebody else still holds open ends after the grace.
    private func scheduleDrain() {
        outputs.removeAll { !$0.isOpen || !$0.inbound.isOpen || $0.descriptor.isHungUp }
        guard !outputs.isEmpty else { return }
        _ = core.timers.cancel(drainTimer)
        drainTimer = core.timers.add(
            .now.advanced(by: outputGrace),
            .call { [weak self] in
                guard let self else { return }
                for output in self.outputs { output.drainAndEnd() }
                self.outputs = []
            })
    }

    // MARK: Waiting

    /// The outcome for somebody who need not wait.
    var outcome: ProcessOutcome? { record.withLock { $0 }.map { .ended($0) } }

    func park(_ waiter: Waiter<ProcessOutcome>, _ id: WaitID) {
        if let outcome {
            waiter.resume(outcome)
        } else if phase == .over {
            // The loop has ended before the child, and nobody would tell this one.
            waiter.resume(.failed(ReactorError(.loopClosed, "wait for \(name)")))
        } else {
            waiters.append((id, waiter, .now))
        }
    }

    func cancel(_ id: WaitID) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waiters.remove(at: index).waiter.resume(.cancelled)
        // Only watched, and by nobody any more.
        if !ownership.isChild, waiters.isEmpty, phase == .running { abandon(.notOurChild) }
    }

    private func abandon(_ reason: ExitStatus.Reason) {
        end(ProcessEnd(status: .unknown(reason), usage: nil), isKept: false)
    }

    // MARK: Ending it

    /// SIGTERM now and SIGKILL after the grace, to the group that it leads or to it alone.
    func terminate(grace: Duration) {
        // A second call may shorten the grace; the child is asked once.
        guard phase == .running else { return }
        if !isTerminating { _ = signal(Signal.terminate.rawValue) }
        isTerminating = true
        _ = core.timers.cancel(killTimer)
        killTimer = core.timers.add(
            .now.advanced(by: grace),
            .call { [weak self] in _ = self?.signal(Signal.kill.rawValue) })
    }

    /// The same, but first it has some time to end by itself.
    func terminate(after pause: Duration, grace: Duration) {
        guard phase == .running, !isTerminating else { return }
        killTimer = core.timers.add(
            .now.advanced(by: pause), .call { [weak self] in self?.terminate(grace: grace) })
    }

    private func signal(_ number: Int32) -> Int32 {
        ownership.leadsGroup ? child.signalGroup(number) : child.signal(number)
    }

    override var shutdownName: String { "child \(child.pid) (\(name))" }

    override var shutdownKind: ShutdownReport.Holdup.Kind { .child }

    /// For snapshots: a word.
    var state: String {
        phase != .running ? "ended" : isTerminating ? "terminating" : "running"
    }

    /// How many tasks wait for its end.
    var waiterCount: Int { waiters.count }

    override var place: PlaceID { madeAt }

    override func eachWait(_ visit: (ParkedWait) -> Void) {
        for (_, waiter, since) in waiters {
            visit(ParkedWait("the end of \(name)", waiter, since: since))
        }
    }

    /// The loop's end takes its children with it; a thread waits for them to be gone.
    override func shutDown() {
        let wasRunning = phase == .running
        _ = core.timers.cancel(killTimer)
        _ = core.timers.cancel(drainTimer)
        outputs = []
        poll.take()?.release()
        uvProcess.take()?.close()
        core.participants.leave(self)
        if ownership.isChild, phase != .over {
            _ = signal(Signal.kill.rawValue)
            let child = child
            do throws(ReactorError) {
                try Thread.start(name: "reactor-reap") { child.killAndReap() }
            } catch { child.killAndReap() }
        } else {
            child.close()
        }
        phase = .over
        guard wasRunning else { return }
        for (_, waiter, _) in waiters {
            waiter.resume(.failed(ReactorError(.loopClosed, "wait for \(name)")))
        }
        waiters = []
    }
}

/// What waiting for a process comes to.
enum ProcessOutcome: Sendable {
    case ended(ProcessEnd)
    case failed(ReactorError)
    case cancelled
}
