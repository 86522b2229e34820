// One port, served by every loop of a group.

extension TCPListener {
    /// Serves this listener's port on every loop of `group`: each gets a listener of its own, and
    /// the kernel shares the connections out (SO_REUSEPORT).
    ///
    /// The listener must have been bound with `reusePort: true`. Otherwise as
    /// ``serve(limit:drain:_:)``, with `limit` for each loop; if one loop's listener fails, all
    /// stop, and its error is thrown.
    ///
    /// - Throws: As ``serve(limit:drain:_:)`` and
    ///   ``bind(to:backlog:reusePort:ipv6Only:options:)``; ``ReactorError/Code/invalidArgument``
    ///   without `reusePort`.
    public func serve(
        on group: EventLoopGroup, limit: Int = 10_000, drain: Duration = .seconds(2),
        fileID: String = #fileID, line: Int = #line,
        _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) async throws {
        guard binding.reusePort else {
            throw ReactorError(
                .invalidArgument, "serve \(localAddress) on several loops without reusePort")
        }
        var listeners = group.loops.contains(loop) ? [self] : []
        do {
            for other in group.loops where other != loop {
                let (address, binding) = (localAddress, binding)
                listeners.append(
                    try await other.submit {
                        try await TCPListener.bind(
                            to: address, backlog: binding.backlog, reusePort: true,
                            ipv6Only: binding.ipv6Only, options: binding.options)
                    })
            }
        } catch {
            for listener in listeners where listener !== self { listener.close() }
            throw error
        }
        // A listener that nobody serves would be dealt connections all the same.
        if !listeners.contains(where: { $0 === self }) { close() }
        try await withThrowingTaskGroup { tasks in
            for listener in listeners {
                tasks.addTask {
                    try await listener.serve(
                        limit: limit, drain: drain, fileID: fileID, line: line, handler)
                }
            }
            try await tasks.next()
        }
    }
}
