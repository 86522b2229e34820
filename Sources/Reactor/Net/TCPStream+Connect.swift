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
        to address: SocketAddress, options: TCPOptions = TCPOptions()
    ) async throws -> TCPStream {
        try Task.checkCancellation()
        let loop = try EventLoop.forNewObjects()
        let attempt = try await loop.make {
            LoopBound(try ConnectCore(to: address, options, on: loop), on: loop)
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
    /// The name's addresses are tried in the order in which the system's resolver gives them, until
    /// one answers. Cancelling ends the look-up or the attempt at once.
    ///
    /// - Throws: As ``connect(to:options:)``, of the last address tried;
    ///   ``ReactorError/Code/hostNotFound`` and other codes of the name service.
    ///
    /// libuv: `uv_getaddrinfo`, here `getaddrinfo` on a pool of its own; `uv_tcp_connect`.
    public static func connect(
        host: String, port: Int, options: TCPOptions = TCPOptions()
    ) async throws -> TCPStream {
        var failure = ReactorError(.hostNotFound, "connect to \(host):\(port)")
        for address in try await Resolver.resolve(host: host, port: port) {
            do {
                return try await connect(to: address, options: options)
            } catch let error as ReactorError where error.code != .loopClosed {
                failure = error
            }
        }
        throw failure
    }

    /// Connects, runs `body` with the stream, and closes it, however `body` ends.
    ///
    /// - Throws: As ``connect(host:port:options:)``; what `body` throws.
    public static func withConnection<Result>(
        host: String, port: Int, options: TCPOptions = TCPOptions(),
        _ body: (TCPStream) async throws -> Result
    ) async throws -> Result {
        try await closing(connect(host: host, port: port, options: options), body)
    }

    /// Connects to an address, runs `body` with the stream, and closes it, however `body` ends.
    ///
    /// - Throws: As ``connect(to:options:)``; what `body` throws.
    public static func withConnection<Result>(
        to address: SocketAddress, options: TCPOptions = TCPOptions(),
        _ body: (TCPStream) async throws -> Result
    ) async throws -> Result {
        try await closing(connect(to: address, options: options), body)
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
