// Starting work on a loop: in the background, or waiting for its result.

extension EventLoop {
    /// Runs `body` on this loop and returns its result.
    ///
    /// Callable from any thread, task or actor.
    ///
    /// Suspends until `body` has ended. Task-local values travel with the call, and so does
    /// cancellation: `body` sees its own task cancelled. From code that runs on this loop already
    /// it is still a task of its own. Its name, or the place of this call, appears in snapshots and
    /// reports of the loop.
    ///
    /// - Throws: What `body` throws; ``ReactorError/Code/loopClosed`` if the loop has shut down,
    ///   in which case `body` has not begun.
    public func submit<Result: Sendable>(
        name: String? = nil, fileID: String = #fileID, line: Int = #line,
        _ body: sending @escaping () async throws -> Result
    ) async throws -> Result {
        guard !queue.hasEnded else { throw ReactorError(.loopClosed, "submit to \(self.name)") }
        let task = Task(executorPreference: self) {
            // Here, not in a closure of its own around `body`: that costs the task a second slab.
            let entry = self.enter(name, fileID, line)
            defer { self.leave(entry) }
            return try await self.rooted("submit to", body)
        }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Starts `body` on this loop in the background, after a delay if one is given.
    ///
    /// Does not suspend. The task returned can be cancelled, during the delay too, and awaited; it
    /// need not be kept. Task-local values are inherited, the caller's cancellation is not. When
    /// the loop shuts down it cancels and awaits what was spawned on it; the name appears in its
    /// report if that takes too long.
    ///
    /// The task throws what `body` throws, and ``ReactorError/Code/loopClosed`` if the loop had
    /// shut down before it could begin.
    @discardableResult
    public func spawn<Result: Sendable>(
        after delay: Duration? = nil, name: String? = nil,
        fileID: String = #fileID, line: Int = #line,
        _ body: sending @escaping () async throws -> Result
    ) -> Task<Result, any Error> {
        let entry = work.enter(.spawn, name: name, SourcePlace(fileID, line))
        let task = Task(executorPreference: self) {
            self.work.begins(entry)
            defer { self.leave(entry) }
            return try await self.rooted("spawn on") {
                if let delay { try await EventLoop.sleep(for: delay) }
                return try await body()
            }
        }
        work.setCancel(entry) { task.cancel() }
        return task
    }

    /// Runs `body` with this loop as the home of everything below it.
    func rooted<Result>(
        _ operation: String, _ body: () async throws -> Result
    ) async throws -> Result {
        // A task whose loop ended before its first step comes to life on the fallback thread.
        guard isCurrent else { throw ReactorError(.loopClosed, "\(operation) \(name)") }
        if HomeLoop.current == self { return try await body() }
        return try await HomeLoop.$current.withValue(self) { try await body() }
    }

    /// Runs `hook` when this loop shuts down: after its tasks have ended, before its handles close,
    /// the last one added first.
    ///
    /// A hook may await, and sees the task-local values of whoever added it; what it throws is
    /// logged. One that needs longer than the grace period is cancelled and named in the report.
    ///
    /// Callable from any thread, until the hooks have run.
    public func onShutdown(
        name: String? = nil, fileID: String = #fileID, line: Int = #line,
        _ hook: @escaping @Sendable () async throws -> Void
    ) {
        let hook = ShutdownHook(name: name ?? "\(fileID):\(line)", body: hook)
        if work.add(hook) {
            hook.prepare(on: self)
        } else {
            Log.logger.warning("shutdown hook \(hook.name) of \(self) comes too late to be run")
        }
    }
}
