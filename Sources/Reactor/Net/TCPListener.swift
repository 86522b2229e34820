// A listening TCP socket: where connections come from.

/// Listens for TCP connections.
///
/// Take them one by one with ``accept()`` or from ``connections``, or let
/// ``serve(limit:drain:_:)`` run a handler for each. Close it with ``close()``, which
/// ``serve(limit:drain:_:)`` does at its end; one that is dropped closes.
///
/// Usable from any task; it and the streams it accepts live on ``loop``.
///
/// Out of descriptors or memory it leaves connections in the kernel's backlog and tries again after
/// pauses of 5 ms growing to a second, counted in ``statistics()``.
public final class TCPListener: StreamListener {
    let handle: LoopBound<ListenerCore>

    /// The address it listens on, with the port that the system chose where 0 was asked for.
    public var localAddress: SocketAddress { shared.address }

    private let shared: SharedAddress

    /// How it was bound, for others to share its port.
    let binding: Binding

    struct Binding: Sendable {
        var backlog: Int
        var reusePort: Bool
        var ipv6Only: Bool
        var options: TCPOptions
    }

    private init(
        _ handle: LoopBound<ListenerCore>, _ localAddress: SocketAddress, _ binding: Binding
    ) {
        self.handle = handle
        shared = SharedAddress(localAddress)
        self.binding = binding
    }

    deinit { handle.carry { $0.close() } }

    /// The loop it lives on.
    public var loop: EventLoop { handle.loop }

    /// Listens on an address.
    ///
    /// Lives on the current loop; elsewhere on the task's home loop, or a shared one.
    ///
    /// - Parameters:
    ///   - address: Where; port 0 lets the system choose.
    ///   - backlog: How many connections the kernel keeps waiting; it may allow fewer.
    ///   - reusePort: Lets other sockets listen on the same port, and the kernel share connections
    ///     out among them.
    ///   - ipv6Only: An IPv6 address takes no IPv4 connections.
    ///   - options: For every connection accepted; `localAddress` is not among those.
    /// - Returns: The listener, which is its maker's to close.
    /// - Throws: ``ReactorError/Code/addressInUse`` and other codes of the system;
    ///   ``ReactorError/Code/invalidArgument``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`. Nothing is left open then.
    ///
    /// libuv: `uv_tcp_bind` and `uv_listen`, here `bind`, `listen` and `uv_poll_init`.
    public static func bind(
        to address: SocketAddress, backlog: Int = 1024, reusePort: Bool = false,
        ipv6Only: Bool = false, options: TCPOptions = TCPOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> TCPListener {
        try Task.checkCancellation()
        let loop = try EventLoop.forNewObjects()
        let binding = Binding(
            backlog: backlog, reusePort: reusePort, ipv6Only: ipv6Only, options: options)
        return try await loop.make {
            let (descriptor, local) = try Descriptor.listening(at: address, binding)
            let core = try ListenerCore(descriptor, local, on: loop.core)
            core.madeAt = PlaceID(fileID, line)
            return TCPListener(LoopBound(core, on: loop), local, binding)
        }
    }

    /// Listens on a host's first address: a numeric one, or a name to be looked up.
    ///
    /// - Throws: As ``bind(to:backlog:reusePort:ipv6Only:options:)``;
    ///   ``ReactorError/Code/hostNotFound`` and other codes of the name service.
    public static func bind(
        host: String, port: Int, backlog: Int = 1024, reusePort: Bool = false,
        ipv6Only: Bool = false, options: TCPOptions = TCPOptions(),
        resolver: any Resolver = SystemResolver.shared,
        fileID: String = #fileID, line: Int = #line
    ) async throws -> TCPListener {
        let addresses = try await resolver.resolve(host, port: port)
        return try await bind(
            to: addresses[0], backlog: backlog, reusePort: reusePort, ipv6Only: ipv6Only,
            options: options, fileID: fileID, line: line)
    }

    /// The next connection.
    ///
    /// Suspends until there is one; cancelling throws `CancellationError` and loses none. One task
    /// accepts at a time.
    ///
    /// - Throws: ``ReactorError/Code/busy``; ``ReactorError/Code/closed``;
    ///   ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: `uv_accept`, here `accept4`.
    public func accept() async throws -> TCPStream {
        try await acceptNext()
    }

    /// On the loop.
    func stream(_ core: StreamCore, _ accepted: ListenerCore.Accepted) -> TCPStream {
        // Asked of the kernel only where the listener's own address does not say it.
        let local =
            localAddress.isWildcard
            ? SharedAddress((try? accepted.descriptor.localAddress()) ?? localAddress) : shared
        return TCPStream(
            LoopBound(core, on: loop), local: local)
    }

    /// What it has seen so far.
    ///
    /// Suspends only away from the loop, for a turn of it; a task that is cancelled before gets
    /// `CancellationError`.
    public func statistics() async throws -> ListenerStatistics {
        try Task.checkCancellation()
        return try await loop.make { self.handle.here.statistics }
    }

    /// Stops listening and releases the port.
    ///
    /// Connections that nobody has taken are reset; a task that waits for one gets
    /// ``ReactorError/Code/closed``; streams go on. Does not suspend.
    ///
    /// libuv: `uv_close`.
    public func close() { handle.carry { $0.close() } }
}

extension TCPListener {
    /// The connections that come, until the listener is closed here.
    public var connections: Connections { Connections(listener: self) }

    /// An endless sequence of accepted streams, each the receiver's to close.
    public struct Connections: AsyncSequence, Sendable {
        let listener: TCPListener

        /// Accepts on each call.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let listener: TCPListener

            /// The next connection; `nil` once the listener was closed.
            ///
            /// As ``TCPListener/accept()`` otherwise.
            public mutating func next() async throws -> TCPStream? {
                do {
                    return try await listener.accept()
                } catch let error as ReactorError where error.code == .closed {
                    return nil
                }
            }

            /// As ``next()``.
            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws -> TCPStream? {
                try await next()
            }
        }

        /// Begins to accept.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(listener: listener) }
    }
}
