// Receiving datagrams: one into memory of one's own, one as a value, many, or as a sequence.

extension UDPSocket {
    /// Receives a datagram into `buffer`; what does not fit in is lost, and that is said.
    ///
    /// Suspends until there is one. What arrives while it waits is written into `buffer` by the
    /// kernel, and nothing is allocated. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// - Throws: ``ReactorError/Code/connectionRefused`` and the like on a connected socket, whose
    ///   peer did not take what was sent before: once, and the socket stays usable;
    ///   ``ReactorError/Code/busy`` if another task receives; ``ReactorError/Code/closed``;
    ///   ``ReactorError/Code/loopClosed``; ``ReactorError/Code/invalidArgument`` for an empty
    ///   buffer; `CancellationError`.
    ///
    /// libuv: `uv_udp_recv_start`, here `uv_poll_start` and `recvmmsg`.
    public func receive(
        into buffer: inout MutableSpan<UInt8>
    ) async throws -> Datagram.Header {
        guard !buffer.isEmpty else {
            throw ReactorError(.invalidArgument, "receive into an empty buffer")
        }
        // The borrow lasts until this function returns, which is not before the outcome is known.
        let target = DatagramInbound.Target.memory(BorrowedMemory(&buffer))
        if let outcome = try handle.start(target) { return try outcome.header() }
        return try await handle.wait(target).header()
    }

    /// Receives a datagram into an array of at least its size, without changing the array's.
    ///
    /// As with a span; cancelling too.
    public func receive(into buffer: inout [UInt8]) async throws -> Datagram.Header {
        var span = buffer.mutableSpan
        return try await receive(into: &span)
    }

    /// Receives a datagram, of which it keeps at most `maxBytes`.
    ///
    /// Suspends until there is one. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// - Throws: As ``receive(into:)-(MutableSpan<UInt8>)``.
    ///
    /// libuv: `uv_udp_recv_start`, here `uv_poll_start` and `recvmmsg`.
    public func receive(upTo maxBytes: Int = 65_536) async throws -> Datagram {
        guard maxBytes > 0 else {
            throw ReactorError(.invalidArgument, "receive up to \(maxBytes) bytes")
        }
        let target = DatagramInbound.Target.array(max: maxBytes)
        if let outcome = try handle.start(target) { return try outcome.datagram() }
        return try await handle.wait(target).datagram()
    }

    /// Receives the datagrams that are there: one at least, at most `maxCount`, and never more than
    /// 64.
    ///
    /// Suspends until there is one. Cancelling throws `CancellationError` and loses nothing. With
    /// ``sendBatch(_:)`` the cheapest way to handle many: a system call for all of them.
    ///
    /// - Throws: As ``receive(into:)-(MutableSpan<UInt8>)``.
    ///
    /// libuv: `uv_udp_recv_start` with UV_UDP_RECVMMSG, here `uv_poll_start` and `recvmmsg`.
    public func receiveBatch(upTo maxCount: Int = 64) async throws -> [Datagram] {
        guard maxCount > 0 else {
            throw ReactorError(.invalidArgument, "receive up to \(maxCount) datagrams")
        }
        let target = DatagramInbound.Target.batch(max: maxCount)
        if let outcome = try handle.start(target) { return try outcome.batch() }
        return try await handle.wait(target).batch()
    }

    /// The datagrams that come, until the socket is closed here.
    public var datagrams: Datagrams { Datagrams(socket: self) }

    /// An endless sequence of datagrams.
    public struct Datagrams: AsyncSequence, Sendable {
        let socket: UDPSocket

        /// Receives on each call.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let socket: UDPSocket

            /// The next datagram; `nil` once the socket was closed.
            ///
            /// As ``UDPSocket/receive(upTo:)`` otherwise: what a connected socket's peer refuses
            /// is thrown.
            public mutating func next() async throws -> Datagram? {
                do {
                    return try await socket.receive()
                } catch let error as ReactorError where error.code == .closed {
                    return nil
                }
            }

            /// As ``next()``.
            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws -> Datagram? {
                try await next()
            }
        }

        /// Begins to receive.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(socket: socket) }
    }
}

extension LoopBound where State == UDPCore {
    /// The outcome of a receive that need not wait.
    @inline(__always)
    func start(_ target: DatagramInbound.Target) throws -> ReceiveOutcome? {
        try Task.checkCancellation()
        return ifHere?.receive(target)
    }

    /// Not `wait` of all loop-bound objects while on the loop: its closures, kept for later, would
    /// be allocated for every wait.
    @inline(never)
    func wait(_ target: DatagramInbound.Target) async -> ReceiveOutcome {
        let ended = ReceiveOutcome.failed(
            ReactorError(.loopClosed, "receive on a socket of \(loop)"))
        guard loop.isCurrent else { return await waitElsewhere(target, ended) }
        let id = loop.core.nextWait()
        return await suspend(onCancel: { carry { $0.cancelReceive(id) } }) { suspension in
            if let socket = ifHere {
                socket.park(target, .here(suspension), id, isCancelled: Task.isCancelled)
            } else {
                parkFromElsewhere(target, suspension, id, ended)
            }
        }
    }

    @inline(never)
    private func parkFromElsewhere(
        _ target: DatagramInbound.Target, _ suspension: Suspension<ReceiveOutcome>, _ id: WaitID,
        _ ended: ReceiveOutcome
    ) {
        let target = Unchecked(target)
        parkFromElsewhere(suspension, id, ended) {
            $0.park(target.value, $1, $2, isCancelled: $3)
        } _: {
            $0.cancelReceive($1)
        }
    }

    @inline(never)
    private func waitElsewhere(
        _ target: DatagramInbound.Target, _ ended: ReceiveOutcome
    ) async -> ReceiveOutcome {
        let target = Unchecked(target)
        return await waitElsewhere(ifLoopEnded: ended) {
            $0.park(target.value, $1, $2, isCancelled: $3)
        } cancel: {
            $0.cancelReceive($1)
        }
    }
}

extension UDPCore {
    /// Gives `waiter` what is there, or lets it wait.
    fileprivate func park(
        _ target: DatagramInbound.Target, _ waiter: Waiter<ReceiveOutcome>, _ id: WaitID,
        isCancelled: Bool
    ) {
        if isCancelled {
            waiter.resume(.cancelled)
        } else if let outcome = receive(target) {
            waiter.resume(outcome)
        } else {
            park(DatagramInbound.Receiver(id: id, target: target, waiter: waiter))
        }
    }
}
