// From synchronous code on a thread of one's own into a loop, and back with the result.

extension EventLoop {
    /// Runs `body` on this loop, blocks the calling thread until it has ended, and returns its
    /// result: for synchronous code on threads that are no loop's.
    ///
    /// Not for tasks, which `await` ``submit(_:)``; the compiler warns there. On a loop's own
    /// thread, this one's or another's, it is refused: that loop would stand still, and two that
    /// call each other for ever. Inside ``blocking(on:_:)`` it may be called. The caller's task
    /// cannot cancel `body`; ``withTimeout(_:isolation:_:)`` inside can. Task-local values of the
    /// caller are seen inside. On the process's main thread `body` must not need the main actor,
    /// which waits for it.
    ///
    /// - Throws: What `body` throws; ``ReactorError/Code/loopRunning`` on a loop's thread;
    ///   ``ReactorError/Code/loopClosed`` if the loop has shut down, in which case `body` has not
    ///   begun.
    ///
    /// libuv: `uv_async_send`, and a condition variable.
    @available(*, noasync, message: "await `submit` instead: a task must not block its thread")
    public func runBlocking<Result>(
        fileID: String = #fileID, line: Int = #line,
        _ body: sending @escaping () async throws -> sending Result
    ) throws -> sending Result {
        if let current = EventLoop.current {
            throw ReactorError(.loopRunning, "block \(current) until \(name) has run a task")
        }
        // Tasks of ended loops are continued one after the other on the thread that this is.
        if FallbackThread.isCurrent || queue.hasEnded {
            throw ReactorError(.loopClosed, "run a task on \(name)")
        }
        let end = Monitor<Unchecked<Swift.Result<Result, any Error>>?>(nil)
        Task(executorPreference: self) {
            let entry = self.enter(nil, fileID, line)
            defer { self.leave(entry) }
            let outcome: Swift.Result<Result, any Error>
            do { outcome = .success(try await self.rooted("run on", body)) } catch {
                outcome = .failure(error)
            }
            let handed = Unchecked(outcome)
            end.signal { $0 = handed }
        }
        // A task whose loop ends before its first step is told so by `rooted`.
        let taken = end.wait { $0.take() }!
        return try taken.value.get()
    }
}
