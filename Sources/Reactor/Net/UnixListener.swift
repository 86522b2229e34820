// A listening Unix socket: where connections of this machine come from.

public import SystemPackage

/// Listens for connections at a path, or under an abstract name.
///
/// Take them one by one with ``accept()`` or from ``connections``, or let
/// ``serve(limit:drain:_:)`` run a handler for each. Close it with ``close()``, which
/// ``serve(limit:drain:_:)`` does at its end; one that is dropped closes. Closing, and the end of
/// its loop, remove the socket's file: the one that it made, and not another that has taken its
/// place.
///
/// Usable from any task; it and the streams it accepts live on ``loop``. Out of descriptors or
/// memory it behaves as ``TCPListener`` does.
public final class UnixListener: StreamListener {
    let handle: LoopBound<ListenerCore>

    /// The address it listens on.
    public let localAddress: SocketAddress

    private let options: UnixOptions

    private init(
        _ handle: LoopBound<ListenerCore>, _ localAddress: SocketAddress, _ options: UnixOptions
    ) {
        self.handle = handle
        self.localAddress = localAddress
        self.options = options
    }

    deinit { handle.carry { $0.close() } }

    /// The loop it lives on.
    public var loop: EventLoop { handle.loop }

    /// Listens at a path.
    ///
    /// - Throws: As ``bind(to:mode:backlog:options:)``; ``ReactorError/Code/invalidArgument`` for a
    ///   path that is empty, too long for a socket or holds a zero byte.
    public static func bind(
        path: String, mode: FilePermissions? = nil, backlog: Int = 1024,
        options: UnixOptions = UnixOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UnixListener {
        try await bind(
            to: SocketAddress(path: path), mode: mode, backlog: backlog, options: options,
            fileID: fileID, line: line)
    }

    /// Listens at a path.
    ///
    /// - Throws: As ``bind(to:mode:backlog:options:)``; ``ReactorError/Code/invalidArgument`` for a
    ///   path that is empty or too long for a socket.
    public static func bind(
        path: FilePath, mode: FilePermissions? = nil, backlog: Int = 1024,
        options: UnixOptions = UnixOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UnixListener {
        try await bind(
            to: SocketAddress(path: path), mode: mode, backlog: backlog, options: options,
            fileID: fileID, line: line)
    }

    /// Listens on a Unix socket's address.
    ///
    /// A socket's file that is there already is replaced if nobody serves it, as one that a program
    /// left behind which was killed. Otherwise, and for a file of any other kind, which is never
    /// touched, the address is in use. The directory is locked (`flock`) from binding to listening,
    /// so that several programs may start at once, and one of them listens.
    ///
    /// Lives on the current loop; elsewhere on the task's home loop, or a shared one. Suspends only
    /// while another binds in the same directory.
    ///
    /// - Parameters:
    ///   - address: Where: a path or an abstract name.
    ///   - mode: Who may connect, as the permissions of the file; set before anybody can. Without,
    ///     what the process's mask leaves.
    ///   - backlog: How many connections the kernel keeps waiting; it may allow fewer.
    ///   - options: For every connection accepted.
    /// - Returns: The listener, which is its maker's to close.
    /// - Throws: ``ReactorError/Code/addressInUse`` and other codes of the system;
    ///   ``ReactorError/Code/invalidArgument``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`. Nothing is left open, and no file, then.
    ///
    /// libuv: `uv_pipe_bind`, `uv_pipe_chmod` and `uv_listen`, here `bind`, `listen` and
    /// `uv_poll_init`.
    public static func bind(
        to address: SocketAddress, mode: FilePermissions? = nil, backlog: Int = 1024,
        options: UnixOptions = UnixOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UnixListener {
        try Task.checkCancellation()
        let loop = try EventLoop.forNewObjects()
        let binding = UnixBinding(
            address: address, permissions: mode.map { UInt32($0.rawValue) }, backlog: backlog,
            options: options)
        let start = MonotonicTime.now
        while true {
            let mayWait = start.duration(to: .now) < UnixBinding.patience
            let bound = try await loop.make { () throws -> UnixListener? in
                guard let (descriptor, file) = try binding.bind(ifBusyWait: mayWait) else {
                    return nil
                }
                let unix = ListenerCore.Unix(
                    file, receivesDescriptors: options.receivesDescriptors,
                    clients: "a client of \(address)")
                let core = try ListenerCore(descriptor, address, unix, on: loop.core)
                core.madeAt = PlaceID(fileID, line)
                return UnixListener(LoopBound(core, on: loop), address, options)
            }
            if let bound { return bound }
            try await EventLoop.sleep(for: .milliseconds(2))
        }
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
    public func accept() async throws -> UnixStream {
        try await acceptNext()
    }

    /// On the loop.
    func stream(_ core: StreamCore, _ accepted: ListenerCore.Accepted) -> UnixStream {
        UnixStream(
            LoopBound(core, on: loop), local: localAddress, remote: accepted.peer)
    }

    /// What it has seen so far.
    ///
    /// Suspends only away from the loop, for a turn of it; a task that is cancelled before gets
    /// `CancellationError`.
    public func statistics() async throws -> ListenerStatistics {
        try Task.checkCancellation()
        return try await loop.make { self.handle.here.statistics }
    }

    /// Stops listening and removes the socket's file.
    ///
    /// Connections that nobody has taken are closed; a task that waits for one gets
    /// ``ReactorError/Code/closed``; streams go on. Does not suspend.
    ///
    /// libuv: `uv_close`.
    public func close() { handle.carry { $0.close() } }

    /// Runs `handler` for each connection until cancelled, or until the listener closes.
    ///
    /// As ``TCPListener/serve(limit:drain:_:)`` in everything.
    ///
    /// - Throws: `CancellationError` when cancelled; ``ReactorError/Code/closed`` when the listener
    ///   was closed; ``ReactorError/Code/loopClosed``; ``ReactorError/Code/invalidArgument`` for a
    ///   limit below one; ``ReactorError/Code/busy`` while something else accepts from it.
    ///
    /// libuv: `uv_listen` and `uv_accept`, here `uv_poll_start` and `accept4`.
    public func serve(
        limit: Int = 10_000, drain: Duration = .seconds(2),
        fileID: String = #fileID, line: Int = #line,
        _ handler: @escaping @Sendable (UnixStream) async throws -> Void
    ) async throws {
        try await serveEach(limit, drain, PlaceID(fileID, line), handler)
    }
}

extension UnixListener {
    /// The connections that come, until the listener is closed here.
    public var connections: Connections { Connections(listener: self) }

    /// An endless sequence of accepted streams, each the receiver's to close.
    public struct Connections: AsyncSequence, Sendable {
        let listener: UnixListener

        /// Accepts on each call.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let listener: UnixListener

            /// The next connection; `nil` once the listener was closed.
            ///
            /// As ``UnixListener/accept()`` otherwise.
            public mutating func next() async throws -> UnixStream? {
                do {
                    return try await listener.accept()
                } catch let error as ReactorError where error.code == .closed {
                    return nil
                }
            }

            /// As ``next()``.
            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws -> UnixStream? {
                try await next()
            }
        }

        /// Begins to accept.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(listener: listener) }
    }
}
