// One process, by pid and pidfd: asked for its end, signalled, and never mistaken for another.

internal import CReactor

/// A process of which somebody wants to know the end.
///
/// The lock orders signals and the reaping: a number that the kernel has given to another process
/// since is never signalled, from any thread (PITFALLS D8).
final class ChildHandle: Sendable {
    let pid: Int32
    private let state: Locked<State>

    private struct State {
        var pidfd: Descriptor?
        /// True once the pid may belong to somebody else.
        var isOver = false
        /// True once it has ended but is kept, so that its group can be signalled.
        var isZombie = false
    }

    /// How a process ended, or that it has not.
    enum End: Sendable {
        case running
        case exited(Int32, Usage)
        case signaled(Int32, coreDumped: Bool, Usage)
        /// Somebody else has its status; a negated errno.
        case lost(Int32)
    }

    struct Usage: Sendable {
        var user: Int64 = 0
        var system: Int64 = 0
        var peakBytes: Int64 = 0
        var minorFaults: Int64 = 0
        var majorFaults: Int64 = 0
        var voluntarySwitches: Int64 = 0
        var involuntarySwitches: Int64 = 0
    }

    init(pid: Int32, _ pidfd: Descriptor?) {
        self.pid = pid
        state = Locked(State(pidfd: pidfd))
    }

    /// A process that need not be a child.
    ///
    /// `nil` where the system has no pidfds.
    static func open(_ pid: Int32) throws(ReactorError) -> ChildHandle? {
        let number = reactor_pidfd_open(pid)
        if number >= 0 { return ChildHandle(pid: pid, Descriptor(number: number)) }
        let code = ReactorError.Code(rawValue: number)
        if code == .notImplemented { return nil }
        throw ReactorError(code, "watch the process \(pid)")
    }

    /// Readable once the process has ended; stays this object's. `nil` where the system has none.
    var pidfd: Descriptor? { state.withLock { $0.pidfd } }

    /// Asks for the end. `keeping` leaves a zombie, to be asked again without it.
    func poll(keeping: Bool) -> End {
        state.withLock { state in
            let end = wait(state.pidfd, blocks: false, keeping: keeping)
            switch end {
            case .running: break
            case .lost: state.isOver = true
            default: if keeping { state.isZombie = true } else { state.isOver = true }
            }
            return end
        }
    }

    /// Reaps it. False while it runs.
    func reapIfEnded() -> Bool {
        if case .running = poll(keeping: false) { false } else { true }
    }

    /// Blocks until a child has ended, and leaves it a zombie: for where there is no pidfd.
    func waitBlocking() { _ = wait(pidfd, blocks: true, keeping: true) }

    /// Ends a child that nobody is to hear of: SIGKILL, and blocks until it is gone.
    func killAndReap() {
        _ = signal(9)
        _ = wait(pidfd, blocks: true, keeping: false)
        state.withLock { $0.isOver = true }
        close()
    }

    private func wait(_ pidfd: Descriptor?, blocks: Bool, keeping: Bool) -> End {
        var raw = reactor_exit()
        // SAFETY: the call fills a live variable.
        let status = unsafe reactor_wait(pidfd?.number ?? -1, pid, blocks, keeping, &raw)
        if status < 0 { return .lost(status) }
        let usage = Usage(
            user: raw.user_microseconds, system: raw.system_microseconds,
            peakBytes: raw.peak_bytes, minorFaults: raw.minor_faults,
            majorFaults: raw.major_faults, voluntarySwitches: raw.voluntary_switches,
            involuntarySwitches: raw.involuntary_switches)
        switch raw.kind {
        case 0: return .running
        case 1: return .exited(raw.status, usage)
        default: return .signaled(raw.status, coreDumped: raw.kind == 3, usage)
        }
    }

    /// Sends a signal: zero, or a negated errno; that of "no such process" once it has ended.
    func signal(_ number: Int32) -> Int32 {
        state.withLock { state in
            if state.isOver || state.isZombie { return ReactorError.Code.noSuchProcess.rawValue }
            return reactor_send_signal(state.pidfd?.number ?? -1, pid, number)
        }
    }

    /// The same for the group that it leads.
    func signalGroup(_ number: Int32) -> Int32 {
        state.withLock { state in
            // A zombie holds the number of its group; afterwards the number may be anybody's.
            if state.isOver { return ReactorError.Code.noSuchProcess.rawValue }
            return reactor_send_signal(-1, -pid, number)
        }
    }

    /// Closes the pidfd. Nothing can be asked afterwards.
    func close() {
        state.withLock { state in
            state.isOver = true
            state.pidfd.take()?.close()
        }
    }

    deinit { state.withLock { $0.pidfd.take()?.close() } }
}
