// A handler for each connection.

extension TCPListener {
    /// Runs `handler` for each connection until cancelled, or until the listener closes.
    ///
    /// Each handler runs in a child task on the listener's loop, with the caller's task-local
    /// values, and its stream is closed when it ends. One that throws ends its own connection only:
    /// the error is logged and counted in ``statistics()``. While `limit` connections are open no
    /// more are accepted; the kernel keeps them waiting.
    ///
    /// When cancelled, when the listener is closed, or when a signal asks its loop or the caller's
    /// to stop, it stops listening, gives the handlers `drain` to end, then cancels them, and a
    /// second later aborts the streams they still hold. Clients that had connected by then are
    /// still served if `limit` has room for them at that moment, and reset if not; so are those
    /// that nobody had taken when the listener is closed. After such a signal it returns without
    /// an error.
    ///
    /// - Throws: `CancellationError` when cancelled; ``ReactorError/Code/closed`` when the listener
    ///   was closed; ``ReactorError/Code/loopClosed``; ``ReactorError/Code/invalidArgument`` for a
    ///   limit below one; ``ReactorError/Code/busy`` while something else accepts from it.
    ///
    /// libuv: `uv_listen` and `uv_accept`, here `uv_poll_start` and `accept4`.
    public func serve(
        limit: Int = 10_000, drain: Duration = .seconds(2),
        fileID: String = #fileID, line: Int = #line,
        _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) async throws {
        try await serveEach(limit, drain, PlaceID(fileID, line), handler)
    }
}
