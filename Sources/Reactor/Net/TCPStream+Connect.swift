// Connecting to a TCP server, by address or by name.

extension TCPStream {
    /// Connects to an address.
    ///
    /// Suspends until the connection stands. Cancelling gives the attempt up at once and closes its
    /// socket. The stream lives on the current loop; elsewhere on the task's home loop, or a shared
    /// one. There is no time limit but the kernel's own: use ``withTimeout(_:isolation:_:)``.
    ///
    /// - Throws: ``ReactorError/Code/connectionRefused``, ``ReactorError/Code/timedOut`` and other
    ///   codes of the system; ``ReactorError/Code/invalidArgument``;
    ///   ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: `uv_tcp_connect`, here `connect` and `uv_poll_start`.
    public static func connect(
        to address: SocketAddress, options: TCPOptions = TCPOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> TCPStream {
        try Task.checkCancellation()
        let loop = try EventLoop.forNewObjects()
        let attempt = try await loop.make {
            LoopBound(
                try ConnectCore(
                    to: address, options, madeAt: PlaceID(fileID, line), on: loop), on: loop)
        }
        let ended = ReactorError(.loopClosed, "connect to \(address)")
        let outcome = await attempt.wait(ifLoopEnded: .failed(ended)) {
            $0.park($1, $2, isCancelled: $3)
        } cancel: {
            $0.cancel($1)
        }
        switch outcome {
        case .connected(let handle, let local):
            return TCPStream(handle, local: SharedAddress(local))
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// Connects to a host by name, or by numeric address.
    ///
    /// Where the name has several addresses they race (Happy Eyeballs, RFC 8305): the first one of
    /// the resolver goes first, IPv6 and IPv4 take turns, and the next begins when an attempt fails
    /// or has taken ``TCPOptions/attemptDelay``. The first connection wins; the other attempts are
    /// given up. Cancelling ends the look-up, or all attempts, at once and leaves nothing.
    ///
    /// - Parameters:
    ///   - host: A name, or a numeric address, which needs no resolver.
    ///   - port: From 1 to 65,535.
    ///   - options: Of the connection, and the pace of the attempts.
    ///   - resolver: Who is asked for the name's addresses.
    /// - Throws: As ``connect(to:options:)``, naming every address tried and why it failed; the
    ///   code is that of the most telling failure. ``ReactorError/Code/hostNotFound`` and other
    ///   codes of the name service.
    ///
    /// libuv: `uv_getaddrinfo`, here `getaddrinfo` on a pool of its own; `uv_tcp_connect`.
    public static func connect(
        host: String, port: Int, options: TCPOptions = TCPOptions(),
        resolver: any Resolver = SystemResolver.shared,
        fileID: String = #fileID, line: Int = #line
    ) async throws -> TCPStream {
        try Task.checkCancellation()
        guard port != 0 else {
            throw ReactorError(.invalidArgument, "connect to port 0")
        }
        let found = try await resolver.resolve(host, port: port)
        if found.count == 1, found[0].ip == host {
            return try await connect(
                to: found[0], options: options, fileID: fileID, line: line)
        }
        try Task.checkCancellation()
        return try await race(to: found, of: "\(host):\(port)", options, PlaceID(fileID, line))
    }

    private static func race(
        to found: [SocketAddress], of target: String, _ options: TCPOptions, _ place: PlaceID
    ) async throws -> TCPStream {
        let loop = try EventLoop.forNewObjects()
        let race = try await loop.make {
            LoopBound(
                try ConnectRace(to: found, of: target, options, madeAt: place, on: loop),
                on: loop)
        }
        let ended = ReactorError(.loopClosed, "connect to \(target)")
        let outcome = await race.wait(ifLoopEnded: .failed(ended)) {
            $0.park($1, $2, isCancelled: $3)
        } cancel: {
            $0.cancel($1)
        }
        switch outcome {
        case .connected(let handle, let local):
            return TCPStream(handle, local: SharedAddress(local))
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// Connects, runs `body` with the stream, and closes it, however `body` ends.
    ///
    /// - Throws: As ``connect(host:port:options:resolver:)``; what `body` throws.
    public static func withConnection<Result>(
        host: String, port: Int, options: TCPOptions = TCPOptions(),
        resolver: any Resolver = SystemResolver.shared,
        fileID: String = #fileID, line: Int = #line,
        _ body: (TCPStream) async throws -> Result
    ) async throws -> Result {
        try await closing(
            connect(
                host: host, port: port, options: options, resolver: resolver, fileID: fileID,
                line: line), body)
    }

    /// Connects to an address, runs `body` with the stream, and closes it, however `body` ends.
    ///
    /// - Throws: As ``connect(to:options:)``; what `body` throws.
    public static func withConnection<Result>(
        to address: SocketAddress, options: TCPOptions = TCPOptions(),
        fileID: String = #fileID, line: Int = #line,
        _ body: (TCPStream) async throws -> Result
    ) async throws -> Result {
        try await closing(
            connect(to: address, options: options, fileID: fileID, line: line), body)
    }

    private static func closing<Result>(
        _ stream: TCPStream, _ body: (TCPStream) async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body(stream)
            await stream.close()
            return result
        } catch {
            await stream.close()
            throw error
        }
    }
}
