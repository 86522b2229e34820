// Sending datagrams: one, or many with few system calls.

extension UDPSocket {
    /// Sends borrowed bytes as one datagram to `address`.
    ///
    /// Returns without suspending when the kernel takes it; else suspends until it has room.
    /// Cancelling throws `CancellationError`, and the datagram is not sent.
    ///
    /// That it was sent says nothing of its arrival.
    ///
    /// - Throws: ``ReactorError/Code/messageTooLong`` for more than 65,507 bytes over IPv4, or
    ///   65,527 over IPv6; ``ReactorError/Code/alreadyConnected`` on a connected socket with
    ///   another peer; ``ReactorError/Code/familyNotSupported`` for an address of the other family;
    ///   ``ReactorError/Code/accessDenied`` for a broadcast without
    ///   ``UDPOptions/allowsBroadcast``; ``ReactorError/Code/closed``;
    ///   ``ReactorError/Code/loopClosed``; other codes of the system; `CancellationError`.
    ///
    /// libuv: `uv_udp_try_send` and `uv_udp_send`, here `sendto` and `uv_poll_start`.
    public func send(_ bytes: Span<UInt8>, to address: SocketAddress) async throws {
        try await handle.send(BorrowedMemory(bytes), to: address)
    }

    /// Sends owned bytes as one datagram to `address`.
    ///
    /// As with a span; cancelling too.
    public func send(_ bytes: [UInt8], to address: SocketAddress) async throws {
        try await handle.send(BorrowedMemory(bytes.span), to: address)
    }

    /// Sends text as one datagram to `address`.
    ///
    /// As with a span; cancelling too.
    public func send(_ text: String, to address: SocketAddress) async throws {
        try await send(Array(text.utf8), to: address)
    }

    /// Sends borrowed bytes as one datagram to the peer of a connected socket.
    ///
    /// As ``send(_:to:)-(Span<UInt8>,_)`` otherwise.
    ///
    /// - Throws: ``ReactorError/Code/destinationRequired`` on a socket that is not connected;
    ///   ``ReactorError/Code/connectionRefused`` and the like if the peer did not take what was
    ///   sent before: once, for a datagram that is not sent then.
    ///
    /// libuv: `uv_udp_try_send` and `uv_udp_send`, here `sendto` and `uv_poll_start`.
    public func send(_ bytes: Span<UInt8>) async throws {
        try await handle.send(BorrowedMemory(bytes), to: nil)
    }

    /// Sends owned bytes as one datagram to the peer of a connected socket.
    ///
    /// As with a span; cancelling too.
    public func send(_ bytes: [UInt8]) async throws {
        try await handle.send(BorrowedMemory(bytes.span), to: nil)
    }

    /// Sends text as one datagram to the peer of a connected socket.
    ///
    /// As with a span; cancelling too.
    public func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    /// Sends many datagrams, each to its own address, or to the peer of a connected socket.
    ///
    /// Each is sent or fails, once, and the report says which: one that is too large, or has an
    /// address that cannot be, does not keep the others back. Where the kernel can, neighbours of
    /// one size for one address leave as one piece, which it cuts up (UDP_SEGMENT).
    ///
    /// Suspends when the kernel has no room, and once in a while when it has, for others to get
    /// their turn. Cancelling keeps what is left from being sent, and the report says so;
    /// `CancellationError` is thrown if that is everything.
    ///
    /// - Throws: ``ReactorError/Code/closed``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`. Nothing has been sent then.
    ///
    /// libuv: `uv_udp_send`, here `sendmmsg` and `uv_poll_start`.
    @discardableResult
    public func sendBatch(_ datagrams: [Datagram.Outgoing]) async throws -> Datagram.SendReport {
        try await handle.sendBatch(datagrams)
    }
}

extension LoopBound where State == UDPCore {
    @inline(__always)
    func send(_ memory: BorrowedMemory, to address: SocketAddress?) async throws {
        try Task.checkCancellation()
        if let socket = ifHere {
            if try socket.send(memory, to: address) {
                if socket.hasSentEnough() { await Task.yield() }
                return
            }
        }
        try await wait(memory, to: address)
    }

    /// The memory stays where it is: the caller, who has it, returns after the wait.
    @inline(never)
    private func wait(_ memory: BorrowedMemory, to address: SocketAddress?) async throws {
        let memory = Unchecked(memory)
        try await wait(ifLoopEnded: ended) { socket, waiter, id, isCancelled in
            if isCancelled { return waiter.resume(.cancelled) }
            do throws(ReactorError) {
                if try socket.send(memory.value, to: address) { return waiter.resume(.sent) }
                let target = try socket.destination(address)
                socket.park(
                    DatagramOutbound.Sender(
                        id: id, work: .one(memory.value, to: target), waiter: waiter))
            } catch {
                waiter.resume(.failed(error))
            }
        } cancel: {
            $0.cancelSend($1)
        }.check()
    }

    func sendBatch(_ datagrams: [Datagram.Outgoing]) async throws -> Datagram.SendReport {
        try Task.checkCancellation()
        let batch = Unchecked(DatagramBatch(datagrams))
        if let socket = ifHere {
            if let end = socket.end { throw end }
            if socket.send(batch.value) {
                if socket.hasSentEnough() { await Task.yield() }
                return batch.value.report
            }
        }
        return try await wait(ifLoopEnded: ended) { socket, waiter, id, isCancelled in
            let batch = batch.value
            let sender = DatagramOutbound.Sender(id: id, work: .batch(batch), waiter: waiter)
            if isCancelled {
                sender.cancel()
            } else if let end = socket.end {
                sender.fail(end)
            } else if socket.send(batch) {
                waiter.resume(.report(batch.report))
            } else {
                socket.park(sender)
            }
        } cancel: {
            $0.cancelSend($1)
        }.report()
    }

    private var ended: SendOutcome {
        .failed(ReactorError(.loopClosed, "send from a socket of \(loop)"))
    }
}
