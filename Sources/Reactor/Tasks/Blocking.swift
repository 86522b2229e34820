// Running synchronous code on a pool's thread, and waiting for it.

/// Runs `body`, which may block, on a thread of `pool`, and returns its result.
///
/// `body` may use what the caller borrowed: the call lasts as long as it runs. Inside, task-local
/// values and `Task.isCancelled` are the caller's; ``EventLoop/current`` is `nil`.
///
/// Cancelling before a thread has begun throws `CancellationError` at once, and `body` never runs.
/// Cancelling later waits for it: only `body` knows when it may stop, by looking at
/// `Task.isCancelled`. ``abandoningBlocking(on:_:)`` does not wait.
///
/// - Parameters:
///   - pool: Whose threads; work that may block for long should have a pool of its own.
///   - body: What blocks.
/// - Throws: What `body` throws, unchanged; `CancellationError`; ``ReactorError`` with
///   ``ReactorError/Code/closed`` if the pool has shut down, with the system's code if it has no
///   thread and can start none. `body` has not run then.
///
/// libuv: `uv_queue_work`.
public func blocking<Result, Failure: Error>(
    on pool: BlockingPool = .shared,
    _ body: sending () throws(Failure) -> sending Result
) async throws -> sending Result {
    try Task.checkCancellation()
    // Handed to the pool's thread and back: nobody else holds the body or its result.
    let value = try await withoutActuallyEscaping(body) { body in
        let work = BlockingWork<Result>(on: pool, mayAbandon: false, body)
        return Unchecked(try await work.run())
    }
    return value.value
}

/// Runs `body`, which may block for ever, on a thread of `pool`, and returns its result.
///
/// As ``blocking(on:_:)``, but cancelling returns at once in every case, with `CancellationError`.
/// A body that is running by then goes on, with nobody to get its result; it is counted in
/// ``BlockingPool/Statistics/abandoned`` and keeps its thread until it ends.
///
/// - Parameters:
///   - pool: Whose threads; work that may block for long should have a pool of its own.
///   - body: What blocks. It may outlive the call, so it cannot borrow.
/// - Throws: What `body` throws, unchanged; `CancellationError`; ``ReactorError`` with
///   ``ReactorError/Code/closed`` if the pool has shut down, with the system's code if it has no
///   thread and can start none. `body` has not run then.
///
/// libuv: `uv_queue_work`.
public func abandoningBlocking<Result: Sendable>(
    on pool: BlockingPool = .shared,
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try Task.checkCancellation()
    return try await BlockingWork<Result>(on: pool, mayAbandon: true, body).run()
}

/// One body on its way to a thread and back. Among what is open on its caller's loop, to be seen
/// there; the loop's end has nothing to do with it.
///
/// Unchecked: the body and its result are handed over, not shared; the phase says whose they are.
/// Only the caller's wait joins the two sides. Its place on the loop is touched on the loop's
/// thread alone.
private final class BlockingWork<Value>: ShutdownParticipant, QueuedBody, @unchecked Sendable {
    private enum Phase {
        case new, queued, running, left, over
    }

    private struct State {
        var phase = Phase.new
        /// Known once the caller is parked.
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    private enum End: Equatable, Sendable {
        case ran, cancelled
        case failed(ReactorError)
    }

    private let pool: BlockingPool
    private let mayAbandon: Bool
    private let state = Locked(State())
    private let wait = RemoteWait<End>()
    private var body: (() throws -> Value)?
    private var result: Result<Value, any Error>?
    /// The caller's, where it waits on a loop's thread.
    private var loop: EventLoop?

    init(on pool: BlockingPool, mayAbandon: Bool, _ body: @escaping () throws -> Value) {
        self.pool = pool
        self.mayAbandon = mayAbandon
        self.body = body
    }

    // MARK: The caller

    func run() async throws -> Value {
        let end = await withTaskCancellationHandler {
            await wait.suspend { begin() }
        } onCancel: {
            cancelBody()
        }
        unlist()
        switch end {
        case .ran: return try result.take()!.get()
        case .cancelled: throw CancellationError()
        case .failed(let error): throw error
        }
    }

    private func begin() {
        list()
        var refusal: End?
        state.withLock { state in
            if state.isCancelled {
                refusal = .cancelled
            } else if !pool.await(self) {
                refusal = .failed(ReactorError(.closed, "run on \(pool.name)"))
            }
            state.phase = refusal == nil ? .queued : .over
        }
        if let refusal {
            body = nil
            return settle(refusal)
        }
        // A task, for the caller's task-local values; its first step waits in the pool's queue.
        let task = Task(executorPreference: pool) { self.perform() }
        let cancelNow = state.withLock { state in
            if state.phase != .over { state.task = task }
            return state.isCancelled
        }
        if cancelNow { task.cancel() }
    }

    private func cancelBody() {
        let (old, task) = state.withLock { state in
            state.isCancelled = true
            let old = state.phase
            if old == .queued { state.phase = .over }
            if old == .running, mayAbandon { state.phase = .left }
            return (old, state.task)
        }
        task?.cancel()
        switch old {
        case .queued:
            pool.forget(self)
            pool.count(stale: 1)
            body = nil
            settle(.cancelled)
        case .running where mayAbandon:
            pool.count(abandoned: 1)
            settle(.cancelled)
        default: break
        }
    }

    /// The pool's end, or its lack of threads.
    func fail(_ error: ReactorError) {
        let isMine = state.withLock { state in
            guard state.phase == .queued else { return false }
            state.phase = .over
            return true
        }
        guard isMine else { return }
        pool.count(stale: 1)
        body = nil
        settle(.failed(error))
    }

    private func settle(_ end: End) {
        state.withLock { $0.task = nil }
        wait.settle(end)
    }

    // MARK: Being seen

    private func list() {
        guard let loop = EventLoop.current, !loop.core.isClosed else { return }
        self.loop = loop
        loop.core.participants.join(self)
    }

    private func unlist() {
        guard let loop else { return }
        if loop.isCurrent {
            loop.core.participants.leave(self)
        } else {
            // The task has left the loop meanwhile, or the loop has ended.
            loop.post { loop.core.participants.leave(self) }
        }
    }

    override var inspectedKind: String { "wait" }

    override var shutdownName: String { "a wait for work on \(pool.name)" }

    override func eachWait(_ visit: (ParkedWait) -> Void) {
        visit(ParkedWait("work on \(pool.name)", wait, since: openSince))
    }

    override func shutDown() { loop?.core.participants.leave(self) }

    // MARK: The pool's thread

    private func perform() {
        let isMine = state.withLock { state in
            guard state.phase == .queued else { return false }
            state.phase = .running
            return true
        }
        guard isMine else { return pool.count(stale: -1) }
        pool.forget(self)
        let result = call()
        let wasLeft = state.withLock { state in
            defer { state.phase = .over }
            return state.phase == .left
        }
        if wasLeft {
            pool.count(abandoned: -1)
            state.withLock { $0.task = nil }
        } else {
            self.result = result
            settle(.ran)
        }
    }

    /// Lets go of the body before the caller hears of its end.
    @inline(never)
    private func call() -> Result<Value, any Error> {
        let body = body.take()!
        return Result { try body() }
    }
}

extension BlockingPool {
    /// Notes a body that waits for a thread. False after a shutdown.
    func await(_ body: any QueuedBody) -> Bool {
        state.withLock { state in
            if state.isShutDown { return false }
            state.waiting[ObjectIdentifier(body)] = body
            return true
        }
    }

    func forget(_ body: any QueuedBody) {
        state.withLock { $0.waiting[ObjectIdentifier(body)] = nil }
    }

    /// Counts bodies that go on without a caller, and steps in the queue without a body.
    func count(abandoned: Int = 0, stale: Int = 0) {
        state.withLock {
            $0.abandoned += abandoned
            $0.stale += stale
        }
    }
}
