// A closure to run at a loop's end, as a task that waits for it from the start.

/// A hook sees the task-local values of whoever registered it: Swift hands them to a task where it
/// is made and never again, so the task is made then and waits.
///
/// Unchecked: all but making it happens on the loop's thread, and the task is behind a lock.
final class ShutdownHook: @unchecked Sendable {
    let name: String
    private let body: @Sendable () async throws -> Void
    private var suspension: Suspension<Void>?
    private var isReleased = false
    /// Set on the loop's thread when it has ended.
    let hasEnded = Flag()
    private let task = Locked<(task: Task<Void, Never>?, isCancelled: Bool)>((nil, false))

    init(name: String, body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Makes the task, with the caller's task-local values.
    func prepare(on loop: EventLoop) {
        let task = Task(executorPreference: loop) { await self.run(on: loop) }
        let cancelNow = self.task.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if cancelNow { task.cancel() }
    }

    private func run(on loop: EventLoop) async {
        // Where the loop has ended nobody releases it any more: it was let go with its loop.
        guard loop.isCurrent else { return }
        if !isReleased { await suspend { suspension = $0 } }
        do { try await HomeLoop.$current.withValue(loop) { try await body() } } catch {
            Log.logger.error("shutdown hook \(name) of \(loop) failed: \(error)")
        }
        hasEnded.isSet = true
    }

    /// Lets it run.
    func release() {
        isReleased = true
        suspension.take()?.resume(())
    }

    func cancel() {
        let task = task.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }
}
