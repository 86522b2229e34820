// Threads for work that blocks: as many as are needed, up to a cap, and none when idle.

import DequeModule

/// Threads for code that blocks its thread, so that no event loop has to wait for it.
///
/// `blocking { }` runs a body here. A pool is also a `TaskExecutor`: a task that prefers it takes
/// each of its steps on one of the pool's threads. Threads are started when work would wait for
/// one, at most ``maxThreads``, and leave when they have been idle for a while. Work of different
/// kinds is best kept in pools of its own, so that one kind cannot starve another.
///
/// A pool that is dropped finishes its work, and its threads leave; ``shutdown()`` waits for that.
public final class BlockingPool: TaskExecutor, Sendable {
    /// Names the pool's threads.
    public let name: String
    /// The most threads that the pool may have.
    public let maxThreads: Int
    /// How long a thread waits for work before it leaves.
    public let idleLimit: Duration

    /// What a pool is doing at one moment.
    public struct Statistics: Sendable, Hashable {
        /// Threads, idle ones included.
        public var threads = 0
        /// Work that waits for a thread.
        public var queued = 0
        /// Work that has a thread, abandoned work included.
        public var running = 0
        /// Bodies of `abandoningBlocking` that go on although their callers have left.
        public var abandoned = 0
    }

    struct State {
        var queue = Deque<UnownedJob>()
        /// Bodies that no thread has begun, to be failed by a shutdown.
        var waiting: [ObjectIdentifier: any QueuedBody] = [:]
        var threads = 0
        var running = 0
        var abandoned = 0
        /// Steps in the queue whose bodies were cancelled or failed: there is nothing to run.
        var stale = 0
        var isShutDown = false
        /// Who waits for the end of the last thread.
        var ends: [RemoteWait<Bool>] = []
    }

    let state = Monitor(State())
    private let startThread: StartThread

    typealias StartThread =
        @Sendable (_ name: String, _ body: @escaping @Sendable () -> Void) throws(ReactorError)
        -> Void

    /// The pool of `blocking { }` where no other is named: up to 64 threads.
    public static let shared = BlockingPool(name: "blocking")

    /// Makes a pool; it has no thread until there is work.
    ///
    /// - Parameters:
    ///   - name: Names the threads; the system shows the first 15 bytes.
    ///   - maxThreads: The most threads at a time; at least one.
    ///   - idleLimit: How long a thread waits for work before it leaves.
    public convenience init(
        name: String, maxThreads: Int = 64, idleLimit: Duration = .seconds(10)
    ) {
        self.init(name: name, maxThreads: maxThreads, idleLimit: idleLimit) {
            name, body throws(ReactorError) in try Thread.start(name: name, body)
        }
    }

    init(
        name: String, maxThreads: Int, idleLimit: Duration, startThread: @escaping StartThread
    ) {
        self.name = name
        self.maxThreads = max(1, maxThreads)
        self.idleLimit = idleLimit
        self.startThread = startThread
    }

    /// What the pool is doing now.
    public var statistics: Statistics {
        state.withLock {
            Statistics(
                threads: $0.threads, queued: max(0, $0.queue.count - $0.stale),
                running: $0.running, abandoned: $0.abandoned)
        }
    }

    /// Queues a step of a task.
    ///
    /// Called by the Swift runtime. After ``shutdown()`` such steps run on the one thread kept for
    /// tasks whose executor has ended.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        var hasEnded = false
        var needsThread = false
        state.signal { state in
            // Threads that still serve a pool in shutdown serve its last tasks too.
            hasEnded = state.isShutDown && state.threads == 0
            if hasEnded { return }
            state.queue.append(job)
            needsThread = mustGrow(&state)
        }
        if hasEnded { return FallbackThread.shared.run { self.runHere(job) } }
        if needsThread { grow() }
    }

    // MARK: Threads

    /// Counts a new thread in if there is more work than there are threads without any.
    private func mustGrow(_ state: inout State) -> Bool {
        guard state.queue.count > state.threads - state.running, state.threads < maxThreads else {
            return false
        }
        state.threads += 1
        return true
    }

    private func grow() {
        do throws(ReactorError) {
            try startThread(name) { self.serve() }
        } catch {
            didNotStart(error)
        }
    }

    /// The work waits for the pool's other threads. Without any, bodies fail and steps of tasks
    /// go to the thread for tasks whose executor has ended: neither may be lost.
    private func didNotStart(_ error: ReactorError) {
        let (jobs, bodies) = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return ([] as [UnownedJob], [] as [any QueuedBody]) }
            let bodies = takeWaiting(&state)
            // What failed bodies leave in the queue may wait for a better time.
            guard state.queue.count > bodies.count + state.stale else { return ([], bodies) }
            defer { state.queue = [] }
            return (Array(state.queue), bodies)
        }
        for body in bodies { body.fail(error) }
        for job in jobs { FallbackThread.shared.run { self.runHere(job) } }
        noteEnd()
    }

    private func takeWaiting(_ state: inout State) -> [any QueuedBody] {
        defer { state.waiting = [:] }
        return Array(state.waiting.values)
    }

    private enum Turn {
        case run(UnownedJob)
        case leave
    }

    private func serve() {
        while true {
            let turn = state.wait(limit: idleLimit) { take(&$0, orLeave: $0.isShutDown) }
            // Work may have come between the end of the wait and now.
            switch turn ?? state.withLock({ take(&$0, orLeave: true) }) {
            case .run(let job):
                runHere(job)
                state.withLock { $0.running -= 1 }
            case .leave:
                return noteEnd()
            case nil: break
            }
        }
    }

    private func take(_ state: inout State, orLeave mayLeave: Bool) -> Turn? {
        if let job = state.queue.popFirst() {
            state.running += 1
            return .run(job)
        }
        guard mayLeave else { return nil }
        state.threads -= 1
        return .leave
    }

    // MARK: Shutdown

    /// Refuses new work, fails what is queued, and waits until what is running has ended.
    ///
    /// Bodies that no thread has begun fail with ``ReactorError/Code/closed``, and so do later
    /// ones. Steps of tasks that prefer the pool are not dropped: they run. Cancelling, a time
    /// limit included, ends the waiting only. Any number of calls may be made.
    ///
    /// - Returns: True when all threads have left; false if the wait was cancelled before.
    @discardableResult
    public func shutdown() async -> Bool {
        var bodies: [any QueuedBody] = []
        state.broadcast { state in
            state.isShutDown = true
            bodies = takeWaiting(&state)
        }
        for body in bodies { body.fail(ReactorError(.closed, "run on \(name)")) }
        let wait = RemoteWait<Bool>()
        return await withTaskCancellationHandler {
            await wait.suspend {
                let outcome = state.withLock { state -> Bool? in
                    if state.threads == 0 { return true }
                    if wait.isCancelled.load(ordering: .acquiring) { return false }
                    state.ends.append(wait)
                    return nil
                }
                if let outcome { wait.settle(outcome) }
            }
        } onCancel: {
            // Under the lock that parking takes: it is parked by then, or will see the flag.
            let isParked = state.withLock { state in
                wait.isCancelled.store(true, ordering: .releasing)
                return state.ends.contains { $0 === wait }
            }
            if isParked { wait.settle(false) }
        }
    }

    private func noteEnd() {
        let ends = state.withLock { state in
            guard state.isShutDown, state.threads == 0 else {
                return [] as [RemoteWait<Bool>]
            }
            defer { state.ends = [] }
            return state.ends
        }
        for end in ends { end.settle(true) }
    }
}

/// A body that waits for one of the pool's threads.
protocol QueuedBody: AnyObject, Sendable {
    /// Tells its caller that it will not run.
    func fail(_ error: ReactorError)
}
