// Connections that somebody else has made.

public import SystemPackage

extension TCPStream {
    /// Takes over a connected TCP socket, as one that was inherited or made by other code.
    ///
    /// It lives on the current loop; elsewhere on the task's home loop, or a shared one. From here
    /// on the descriptor is the stream's to close; children no longer inherit it. If this throws,
    /// it is still the caller's. Suspends only to get to the loop.
    ///
    /// - Throws: ``ReactorError/Code/badDescriptor`` if it is not open;
    ///   ``ReactorError/Code/notASocket``; ``ReactorError/Code/invalidArgument`` for a socket that
    ///   is not TCP; ``ReactorError/Code/notConnected``, as for a listener;
    ///   ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: `uv_tcp_open`.
    public static func adopt(_ descriptor: FileDescriptor) async throws -> TCPStream {
        try Task.checkCancellation()
        let own = Descriptor(number: descriptor.rawValue)
        let operation = "adopt descriptor \(descriptor.rawValue)"
        let kind = try own.kind(operation)
        guard kind == .socket else {
            throw ReactorError(.notASocket, "\(operation), which is \(kind.words)")
        }
        guard let local = try own.localAddress(), try own.isStreamSocket(), local.family != .unix
        else {
            throw ReactorError(.invalidArgument, "\(operation), which is no TCP socket")
        }
        guard let remote = try own.remoteAddress() else {
            throw ReactorError(.notConnected, operation)
        }
        let loop = try EventLoop.forNewObjects()
        return try await loop.make {
            TCPStream(
                try PipeEnd.adopt(own, .tcp, peer: .address(remote), on: loop),
                local: SharedAddress(local))
        }
    }
}
