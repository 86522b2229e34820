// The work of one loop: what its own thread made ready, and what other threads sent.

import DequeModule
internal import Synchronization

/// One piece of work for a loop's thread.
enum Work {
    /// A step of a task whose preferred executor is the loop.
    case job(UnownedJob)
    /// A step of an actor pinned to the loop.
    case pinned(UnownedJob)
    /// A call carried here from another thread.
    case call(@Sendable () -> Void)

    /// The task whose step it is.
    @inline(__always)
    var task: TaskIdentity? {
        switch self {
        case .job(let job), .pinned(let job): TaskIdentity(job)
        case .call: nil
        }
    }
}

/// The queue outlives its loop: a task keeps its executor, and the executor keeps this.
///
/// Other threads append to `remote` under a lock and wake the loop only where it sleeps and nobody
/// has woken it yet: one write for a batch.
///
/// Unchecked: `local` belongs to the loop's thread; the rest is behind the lock, or atomic.
final class JobQueue: @unchecked Sendable {
    /// Touched by the loop's thread alone; emptied before `end`.
    private let local: Cell<Deque<Work>>
    private let remote = Locked(Remote())
    private let remoteIsWaiting = Atomic(false)
    private let isAsleep = Atomic(false)
    let wakeup: Wakeup

    private struct Remote {
        var work: [Work] = []
        /// What is not to wait behind all that is ready.
        var urgent: [Work] = []
        var hasEnded = false
    }

    init(_ wakeup: Wakeup? = nil) throws(ReactorError) {
        self.wakeup = if let wakeup { wakeup } else { try Wakeup() }
        local = Cell(Deque())
    }

    deinit { local.free() }

    // MARK: On the loop's thread

    @inline(__always)
    func append(_ work: Work) { local.state.append(work) }

    @inline(__always)
    func next() -> Work? { local.state.popFirst() }

    var count: Int { local.state.count }

    /// Moves what other threads have sent behind what is ready here. True if there is work.
    @inline(__always)
    func collect() -> Bool {
        if remoteIsWaiting.load(ordering: .acquiring) { takeRemote() }
        return !local.state.isEmpty
    }

    private func takeRemote() {
        var taken: [Work] = []
        var urgent: [Work] = []
        remote.withLock {
            swap(&taken, &$0.work)
            swap(&urgent, &$0.urgent)
            remoteIsWaiting.store(false, ordering: .relaxed)
        }
        local.state.append(contentsOf: taken)
        local.state.prepend(contentsOf: urgent)
    }

    /// Announces that the loop is about to wait. False if there is work after all.
    ///
    /// Sequentially consistent on both sides: either the sender sees a sleeper, or the loop sees
    /// the work.
    @inline(__always)
    func prepareToSleep() -> Bool {
        isAsleep.store(true, ordering: .sequentiallyConsistent)
        if remoteIsWaiting.load(ordering: .sequentiallyConsistent) {
            isAsleep.store(false, ordering: .relaxed)
            return false
        }
        return true
    }

    @inline(__always)
    func awake() { isAsleep.store(false, ordering: .relaxed) }

    /// Refuses all that comes from now on, and hands back what had come.
    func end() -> [Work] {
        var rest: [Work] = []
        rest.append(contentsOf: local.state)
        local.state = []
        remote.withLock {
            $0.hasEnded = true
            rest += $0.urgent + $0.work
            $0.work = []
            $0.urgent = []
        }
        return rest
    }

    // MARK: On any thread

    var hasEnded: Bool { remote.withLock { $0.hasEnded } }

    /// False if the loop has ended: the work is the caller's again.
    func send(_ work: Work) -> Bool { send { $0.work.append(work) } }

    /// The same for a call that runs before everything that is ready by then, as soon as the step
    /// under way, or the batch of steps, is over.
    func sendFirst(_ call: @escaping @Sendable () -> Void) -> Bool {
        send { $0.urgent.append(.call(call)) }
    }

    @inline(__always)
    private func send(_ add: (inout Remote) -> Void) -> Bool {
        let accepted = remote.withLock { remote in
            if remote.hasEnded { return false }
            add(&remote)
            remoteIsWaiting.store(true, ordering: .sequentiallyConsistent)
            return true
        }
        if accepted, isAsleep.load(ordering: .sequentiallyConsistent),
            isAsleep.exchange(false, ordering: .sequentiallyConsistent)
        {
            wakeup.wake()
        }
        return accepted
    }
}
