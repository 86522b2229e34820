// What a loop's thread does: turns until told to stop, then the orderly end.

/// Lives on the loop's thread, from before its first turn to after its last.
final class LoopRunner {
    let loop: EventLoop
    let core: LoopCore
    private let wakeups: Watcher
    private var mainQueue: Watcher?
    private(set) var report: ShutdownReport
    /// Tasks that began before are in the report.
    private var reported = MonotonicTime(nanoseconds: 0)

    /// The steps of a stop, in LoopRunner+Stop.
    var requests = 0
    var isEnding = false
    /// True if nothing is to be waited for any more.
    var isHurried = false
    var stepTimer = TimerID.none
    var cancelRoot: () -> Void = {}

    /// Must be called on the thread that is to be the loop's.
    init(_ loop: EventLoop) throws(ReactorError) {
        CurrentLoop.enter(loop)
        self.loop = loop
        report = ShutdownReport(loop: loop.name)
        core = loop.core
        var opened: Watcher?
        do throws(ReactorError) {
            let wakeup = loop.queue.wakeup
            wakeups = try Watcher(wakeup.readEnd, on: core.uv) { wakeup.drain() }
            opened = wakeups
            if MainQueue.isMainThread, let descriptor = MainQueue.descriptor {
                mainQueue = try Watcher(descriptor, on: core.uv) {}
            }
        } catch {
            // The loop closes with its last reference, which an open handle would be.
            opened?.close()
            core.uv.turn(blocking: false)
            CurrentLoop.leave()
            throw error
        }
        // What was queued before the descriptor existed has not made it readable.
        mainQueue?.hasFired = true
        LoopDirectory.enter(loop)
    }

    /// Turns the loop until it is asked to stop.
    func run() {
        while true {
            let isBusy = runReady()
            if loop.stopRequest.isSet { return }
            poll(blocking: !isBusy)
        }
    }

    /// Runs what is ready: here, and on Dispatch's main queue where this is its thread. True if
    /// work is left.
    @inline(__always)
    private func runReady() -> Bool {
        let isBusy = loop.runReady(core)
        guard let mainQueue, mainQueue.hasFired else { return isBusy }
        mainQueue.hasFired = false
        MainQueue.drain()
        return loop.queue.collect()
    }

    /// One poll of libuv; tasks run after it, or within a long one once 64 KiB have landed.
    @inline(__always)
    private func poll(blocking: Bool) {
        // Before it: what runs within the poll belongs to the same turn.
        core.meter.state.turned()
        core.timers.arm()
        if blocking, loop.queue.prepareToSleep() {
            core.uv.turn(blocking: true)
            loop.queue.awake()
        } else {
            core.uv.turn(blocking: false)
        }
        core.timers.fireDue()
    }

    // MARK: The end

    /// Cancels and awaits what was spawned, runs the hooks, closes what is open, ends the loop.
    func shutDown() {
        isEnding = true
        _ = core.timers.cancel(stepTimer)
        let start = core.stopping?.since ?? .now
        let asked = loop.stopAsked.withLock { $0 } ?? start
        core.endSince = start
        let deadline = self.deadline
        if !loop.work.isIdle { loop.watchShutdown() }
        loop.work.cancelAll()
        awaitWork(until: deadline, or: { self.loop.work.isIdle })
        // Now that nobody uses them: what tasks have left open.
        for participant in core.participants.all { participant.cancel() }
        awaitWork(until: deadline)
        while let hook = loop.work.takeLastHook() { run(hook, deadline) }
        awaitWork(until: deadline)
        core.isClosed = true
        while let participant = core.participants.all.last { participant.shutDown() }
        core.timers.shutDown()
        runOut()
        close()
        loop.unwatchShutdown()
        report.holdups = core.late
        // A task may have kept the loop from hearing of it.
        report.elapsed = min(asked, start).duration(to: .now)
        if Debugging.isOn { report = report.located }
        LoopDirectory.leave(loop)
        CurrentLoop.leave()
    }

    /// Until when this end may take: after a signal, what is left of the time that began then.
    private var deadline: MonotonicTime {
        let now = MonotonicTime.now
        guard let stopping = core.stopping else { return now.advanced(by: loop.grace) }
        return stopping.abortAt
            ?? max(stopping.deadline, now.advanced(by: min(loop.grace, Stopping.patience)))
    }

    /// Waits for what was spawned, and for what is open and must end by itself. Who is late is
    /// reported once.
    private func awaitWork(until deadline: MonotonicTime, or condition: (() -> Bool)? = nil) {
        let isOver = { self.loop.work.isIdle && !self.core.participants.holdUpShutdown }
        turn(until: deadline, or: condition ?? isOver) { reportLate(.cancelling) }
    }

    func reportLate(_ phase: ShutdownReport.Phase) {
        let tasks = loop.work.living.filter { $0.since > reported }
        core.late +=
            reported.nanoseconds == 0
            ? core.holdups(phase, tasks: tasks) : tasks.map { .init($0, phase, core.parkedWaits) }
        reported = .now
    }

    private func run(_ hook: ShutdownHook, _ deadline: MonotonicTime) {
        let since = MonotonicTime.now
        hook.release()
        turn(until: deadline, or: { hook.hasEnded.isSet }) {
            core.late.append(.init(hook: hook.name, since: since))
            hook.cancel()
        }
    }

    /// Turns until `condition` holds, or `deadline` has come: then `late` is called.
    private func turn(
        until deadline: MonotonicTime, or condition: () -> Bool, late: () -> Void
    ) {
        let expired = Flag()
        let timer = core.timers.add(deadline, .call { expired.isSet = true })
        while true {
            let isBusy = runReady()
            if condition() { break }
            if expired.isSet || isHurried {
                late()
                break
            }
            poll(blocking: !isBusy)
        }
        _ = core.timers.cancel(timer)
    }

    /// Lets tasks whose waits have just failed run on, for as long as they come to an end.
    private func runOut() {
        for _ in 0..<1_000 {
            // Nothing polls for it any more.
            mainQueue?.hasFired = true
            guard runReady() else { return }
            core.uv.turn(blocking: false)
        }
    }

    private func close() {
        let rest = loop.queue.end()
        wakeups.close()
        mainQueue?.close()
        settle(rest)
        var turns = 0
        while core.uv.openHandles.total > 0, turns < 100 {
            core.uv.turn(blocking: false)
            turns += 1
        }
        settle([])
        do {
            try core.uv.close()
        } catch {
            // A handle was left open: a defect of this library, which must not take the process
            // with it. The handle keeps the loop's memory.
            assertionFailure("\(loop): \(error), open: \(core.uv.openHandles)")
            Log.logger.critical("\(loop) did not close: \(error)")
        }
    }

    /// Calls that came too late to be run still have somebody waiting: they run here, find the
    /// loop closed and say so. Tasks go to the fallback thread.
    private func settle(_ rest: [Work]) {
        var rest = rest
        while true {
            for case .call(let call) in rest { call() }
            loop.runElsewhere(rest)
            rest = []
            while let work = loop.queue.next() { rest.append(work) }
            if rest.isEmpty { return }
        }
    }
}

/// A truth of one thread's.
///
/// Unchecked: only the loop's thread reads and writes it, in calls that others may send there.
final class Flag: @unchecked Sendable {
    var isSet = false
}

/// A descriptor watched for reading for the loop's own purposes.
private final class Watcher: PollOwner {
    private let poll: UVPoll
    private let fired: () -> Void
    var hasFired = false

    init(
        _ descriptor: Descriptor, on uv: UVLoop, fired: @escaping () -> Void
    ) throws(ReactorError) {
        self.fired = fired
        poll = try UVPoll(descriptor, on: uv)
        super.init()
        poll.watch(.readable, for: self)
    }

    override func ready(readable: Bool, writable: Bool, failed: Bool) {
        hasFired = true
        fired()
    }

    func close() { poll.release() }
}
