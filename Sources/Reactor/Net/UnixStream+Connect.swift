// Unix streams made: connected, in pairs, and from descriptors that somebody else has opened.

public import SystemPackage

extension UnixStream {
    /// Connects to a socket at a path.
    ///
    /// - Throws: As ``connect(to:options:)``; ``ReactorError/Code/invalidArgument`` for a path that
    ///   is empty, too long for a socket or holds a zero byte.
    public static func connect(
        path: String, options: UnixOptions = UnixOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UnixStream {
        try await connect(
            to: SocketAddress(path: path), options: options, fileID: fileID, line: line)
    }

    /// Connects to a socket at a path.
    ///
    /// - Throws: As ``connect(to:options:)``; ``ReactorError/Code/invalidArgument`` for a path that
    ///   is empty or too long for a socket.
    public static func connect(
        path: FilePath, options: UnixOptions = UnixOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UnixStream {
        try await connect(
            to: SocketAddress(path: path), options: options, fileID: fileID, line: line)
    }

    /// Connects to a Unix socket's address.
    ///
    /// Suspends only while the server's backlog is full, of which the kernel tells no end: it is
    /// asked again after 1 ms, growing to 50 ms. Cancelling gives up. The stream lives on the
    /// current loop; elsewhere on the task's home loop, or a shared one.
    ///
    /// - Throws: ``ReactorError/Code/connectionRefused`` where nobody listens, and other codes of
    ///   the system; ``ReactorError/Code/invalidArgument`` for an address that is no Unix socket's;
    ///   ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: `uv_pipe_connect`, here `connect` and `uv_poll_init`.
    public static func connect(
        to address: SocketAddress, options: UnixOptions = UnixOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UnixStream {
        try Task.checkCancellation()
        guard address.family == .unix, !address.isUnnamed else {
            throw ReactorError(.invalidArgument, "connect to \(address) as a Unix socket")
        }
        let loop = try EventLoop.forNewObjects()
        var pause = Duration.milliseconds(1)
        while true {
            let stream = try await loop.make {
                let stream = try attempt(address, options, on: loop)
                stream?.handle.here.madeAt = PlaceID(fileID, line)
                return stream
            }
            if let stream { return stream }
            try await EventLoop.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(50))
        }
    }

    /// `nil` if the server's backlog is full. Nothing is left if this throws. On the loop.
    private static func attempt(
        _ address: SocketAddress, _ options: UnixOptions, on loop: EventLoop
    ) throws(ReactorError) -> UnixStream? {
        let descriptor = try Descriptor.streamSocket(.unix)
        do throws(ReactorError) {
            try descriptor.apply(options)
            _ = try descriptor.connect(to: address)
        } catch {
            descriptor.close()
            if error.code == .wouldBlock { return nil }
            throw error
        }
        return try make(
            descriptor, "\(address)", options, local: .unnamed, remote: address, on: loop)
    }

    /// Connects to a path, runs `body` with the stream, and closes it, however `body` ends.
    ///
    /// - Throws: As ``connect(path:options:)-(String,_)``; what `body` throws.
    public static func withConnection<Result>(
        path: String, options: UnixOptions = UnixOptions(),
        fileID: String = #fileID, line: Int = #line,
        _ body: (UnixStream) async throws -> Result
    ) async throws -> Result {
        try await withConnection(
            to: SocketAddress(path: path), options: options, fileID: fileID, line: line, body)
    }

    /// Connects to a Unix socket's address, runs `body` with the stream, and closes it, however
    /// `body` ends.
    ///
    /// - Throws: As ``connect(to:options:)``; what `body` throws.
    public static func withConnection<Result>(
        to address: SocketAddress, options: UnixOptions = UnixOptions(),
        fileID: String = #fileID, line: Int = #line,
        _ body: (UnixStream) async throws -> Result
    ) async throws -> Result {
        let stream = try await connect(
            to: address, options: options, fileID: fileID, line: line)
        do {
            let result = try await body(stream)
            await stream.close()
            return result
        } catch {
            await stream.close()
            throw error
        }
    }

    /// Two streams that are connected to each other, without a name.
    ///
    /// Both live on the current loop; elsewhere on the task's home loop, or a shared one. Suspends
    /// only to get there.
    ///
    /// - Throws: ``ReactorError/Code/tooManyOpenFiles``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`.
    ///
    /// libuv: `uv_socketpair`, here `socketpair`.
    public static func pair(
        options: UnixOptions = UnixOptions()
    ) async throws -> (UnixStream, UnixStream) {
        try Task.checkCancellation()
        let loop = try EventLoop.forNewObjects()
        return try await loop.make {
            let (first, second) = try Descriptor.streamPair()
            do throws(ReactorError) {
                try first.apply(options)
                try second.apply(options)
            } catch {
                first.close()
                second.close()
                throw error
            }
            let name = "the other of a pair"
            let one: UnixStream
            do throws(ReactorError) {
                one = try make(first, name, options, on: loop)
            } catch {
                second.close()
                throw error
            }
            do throws(ReactorError) {
                return (one, try make(second, name, options, on: loop))
            } catch {
                one.abort()
                throw error
            }
        }
    }

    /// Makes a stream of a connected Unix socket that was opened elsewhere: handed over by another
    /// process, or inherited.
    ///
    /// The descriptor is the stream's from now on, non-blocking, and not inherited by children; it
    /// stays the caller's if this throws. The stream lives on the current loop; elsewhere on the
    /// task's home loop, or a shared one. Suspends only to get there.
    ///
    /// - Throws: ``ReactorError/Code/badDescriptor``, ``ReactorError/Code/notASocket``,
    ///   ``ReactorError/Code/notConnected``; ``ReactorError/Code/invalidArgument`` for a socket of
    ///   another family or type and for one that listens; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`.
    ///
    /// libuv: `uv_pipe_open`, here `uv_poll_init`.
    public static func adopt(
        _ descriptor: FileDescriptor, options: UnixOptions = UnixOptions()
    ) async throws -> UnixStream {
        try Task.checkCancellation()
        let own = Descriptor(number: descriptor.rawValue)
        try own.checkConnected(.unix)
        let loop = try EventLoop.forNewObjects()
        return try await loop.make {
            guard !loop.core.isClosed else { throw ReactorError(.loopClosed, "open a stream") }
            let (local, remote) = (try own.localAddress(), try own.remoteAddress())
            try own.apply(options)
            let poll = try UVPoll(own, on: loop.core.uv)
            own.closeOnExec()
            let name =
                if let remote, !remote.isUnnamed { "\(remote)" } else {
                    "the peer of descriptor \(own.number)"
                }
            return try make(
                own, name, options, local: local ?? .unnamed, remote: remote ?? .unnamed,
                watchedBy: poll, on: loop)
        }
    }

    /// On the loop. The descriptor is closed if this throws.
    private static func make(
        _ descriptor: Descriptor, _ name: String, _ options: UnixOptions,
        local: SocketAddress = .unnamed, remote: SocketAddress = .unnamed,
        watchedBy poll: UVPoll? = nil, on loop: EventLoop
    ) throws(ReactorError) -> UnixStream {
        let peer = UnixPeer(name, receivesDescriptors: options.receivesDescriptors)
        let core = try StreamCore(
            descriptor, .unix, peer: .unix(peer), on: loop.core, watchedBy: poll)
        return UnixStream(LoopBound(core, on: loop), local: local, remote: remote)
    }
}
