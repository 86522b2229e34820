// A listening TCP socket: where connections come from.

/// Listens for TCP connections.
///
/// Take them one by one from ``connections``, or let ``serve(limit:drain:_:)`` run a handler for
/// each. Close it with ``close()``, which ``serve(limit:drain:_:)`` does at its end.
///
/// Usable from any task; it and the streams it accepts live on ``loop``.
public final class TCPListener: Sendable {
    let handle: LoopBound<ListenerCore>

    /// The address it listens on, with the port that the system chose where 0 was asked for.
    public let localAddress: SocketAddress

    init(_ handle: LoopBound<ListenerCore>, localAddress: SocketAddress) {
        self.handle = handle
        self.localAddress = localAddress
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
    ///   - options: For every connection accepted.
    /// - Throws: ``ReactorError/Code/addressInUse`` and other codes of the system;
    ///   ``ReactorError/Code/invalidArgument``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`. Nothing is left open.
    ///
    /// libuv: `uv_tcp_bind` and `uv_listen`, here `bind`, `listen` and `uv_poll_init`.
    public static func bind(
        to address: SocketAddress, backlog: Int = 1024, reusePort: Bool = false
    ) async throws -> TCPListener {
        try Task.checkCancellation()
        let loop = try EventLoop.forNewObjects()
        let (descriptor, local) = try Descriptor.listening(
            at: address, backlog: backlog, reusePort: reusePort)
        return try await loop.make {
            let core = try ListenerCore(descriptor, local, on: loop.core)
            return TCPListener(LoopBound(core, on: loop), localAddress: local)
        } ifEnded: {
            descriptor.close()
        }
    }

    /// The next connection; used by one task at a time.
    func accept() async throws -> TCPStream {
        try Task.checkCancellation()
        let outcome: ListenerCore.AcceptOutcome
        if let listener = handle.ifHere {
            if let ready = listener.next() {
                outcome = ready
            } else {
                let id = listener.nextWait()
                outcome = await withTaskCancellationHandler {
                    await suspend { listener.park(.here($0), id) }
                } onCancel: {
                    handle.carry { $0.cancel(id) }
                }
            }
        } else {
            let ended = ReactorError(.loopClosed, "accept on \(localAddress)")
            outcome = await handle.waitElsewhere(ifLoopEnded: .failed(ended)) {
                listener, waiter, id, isCancelled in
                if isCancelled {
                    waiter.resume(.cancelled)
                } else if let outcome = listener.next() {
                    waiter.resume(outcome)
                } else {
                    listener.park(waiter, id)
                }
            } cancel: { listener, id in
                listener.cancel(id)
            }
        }
        switch outcome {
        case .connection(let accepted): return try await stream(accepted)
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    private func stream(_ accepted: ListenerCore.Accepted) async throws -> TCPStream {
        let loop = loop
        return try await loop.make {
            let core = try StreamCore(
                accepted.descriptor, peer: .address(accepted.peer), on: loop.core)
            return TCPStream(LoopBound(core, on: loop), remoteAddress: accepted.peer)
        } ifEnded: {
            accepted.descriptor.close()
        }
    }

    /// Stops listening and releases the port. Connections that nobody has taken are reset; a task
    /// that waits for one gets ``ReactorError/Code/closed``, streams go on. Does not suspend.
    ///
    /// libuv: `uv_close`.
    public func close() { handle.carry { $0.close() } }
}
