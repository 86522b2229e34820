// Descriptors that travel with a Unix stream's bytes, and who is at its other end.

public import SystemPackage

extension UnixStream {
    /// Who is at the other end, as the kernel vouches.
    public struct PeerCredentials: Hashable, Sendable {
        /// The process that connected, or listened; its number may be another's by now.
        ///
        /// `nil` where the system does not tell, or the process is in a namespace that this one
        /// cannot see.
        public let processID: Int32?
        /// Its effective user when it did.
        public let userID: UInt32
        /// Its effective group.
        public let groupID: UInt32
    }

    /// Who is at the other end: the process, user and group that connected, or that listened.
    ///
    /// Suspends only away from the loop, for a turn of it.
    ///
    /// - Throws: ``ReactorError/Code/closed``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError` in a task that is cancelled before.
    ///
    /// libuv: none; `getsockopt` with SO_PEERCRED.
    public func peerCredentials() async throws -> PeerCredentials {
        try Task.checkCancellation()
        return try await loop.make {
            let stream = self.handle.here
            guard !stream.isClosed else { throw stream.error(.closed, "ask about") }
            let (process, user, group) = try stream.descriptor.peerCredentials()
            return PeerCredentials(
                processID: process > 0 ? process : nil, userID: user, groupID: group)
        }
    }

    /// The most descriptors that one ``send(_:with:)`` takes.
    public static let maxDescriptors = Descriptor.mostPassed

    /// Bytes, and the descriptors that came with them.
    public struct Message: Sendable {
        /// At least one.
        public let bytes: [UInt8]
        /// The receiver's to close; children do not inherit them.
        public let descriptors: [FileDescriptor]
        /// Descriptors were sent that did not arrive: this process had no room for them.
        public let isIncomplete: Bool
    }

    /// Writes `bytes` with open descriptors, which the peer gets copies of.
    ///
    /// The descriptors go with the first of these bytes, after all that was written before. They
    /// stay the caller's, who may close them once this has returned, cancelled or not. Otherwise as
    /// ``write(_:)-([UInt8])``: cancelling a call that waits stops the waiting only.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for no bytes, or more than
    ///   ``maxDescriptors``; ``ReactorError/Code/badDescriptor`` for one that is not open; as
    ///   ``ByteWriter/write(_:)-([UInt8])``.
    ///
    /// libuv: `uv_write2`, here `sendmsg` with SCM_RIGHTS.
    public func send(_ descriptors: [FileDescriptor], with bytes: [UInt8]) async throws {
        guard !bytes.isEmpty, descriptors.count <= Self.maxDescriptors else {
            throw ReactorError(
                .invalidArgument,
                "send \(descriptors.count) descriptors with \(bytes.count) bytes")
        }
        let own = descriptors.map { Descriptor(number: $0.rawValue) }
        try await handle.write { stream throws(ReactorError) in
            try stream.write(bytes, with: own)
        }
    }

    /// Reads what is there, at most `maxBytes`, and the descriptors that came with it.
    ///
    /// `nil`: the peer has finished. Of a stream that was made with
    /// ``UnixOptions/receivesDescriptors``.
    ///
    /// Descriptors come with the first bytes of what the kernel returned together, so not after
    /// those they were sent with. Those that came with bytes which others have read are closed.
    /// At most 1,024 are kept unread; more are closed, and the message says that it is incomplete.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// - Throws: As ``ByteReader/read(upTo:)``; ``ReactorError/Code/invalidArgument`` for a stream
    ///   that keeps no descriptors.
    ///
    /// libuv: `uv_accept` on a pipe for IPC, here `recvmsg`.
    public func receive(upTo maxBytes: Int) async throws -> Message? {
        guard receivesDescriptors, maxBytes > 0 else {
            throw ReactorError(
                .invalidArgument,
                receivesDescriptors
                    ? "receive up to \(maxBytes) bytes"
                    : "receive descriptors of a stream made without `receivesDescriptors`")
        }
        try Task.checkCancellation()
        let claim = UnixPeer.Claim()
        let ended = ReactorError(.loopClosed, "read from a stream of \(loop)")
        let outcome: ReadOutcome = await handle.wait(
            ifLoopEnded: .failed(ended)
        ) { stream, waiter, id, isCancelled in
            let peer = stream.unixPeer!
            if isCancelled {
                waiter.resume(.cancelled)
            } else if let outcome = stream.read(.array(max: maxBytes)) {
                if case .bytes = outcome { peer.give(to: claim, unread: stream.inbound.unread) }
                waiter.resume(outcome)
            } else {
                peer.expect(claim, id)
                stream.park(Inbound.Reader(id: id, target: .array(max: maxBytes), waiter: waiter))
            }
        } cancel: { stream, id in
            stream.cancelRead(id)
            stream.unixPeer?.expectNoMore(id)
        }
        guard let bytes = try outcome.bytes() else { return nil }
        return Message(
            bytes: bytes,
            descriptors: claim.descriptors.map { FileDescriptor(rawValue: $0.number) },
            isIncomplete: claim.isIncomplete)
    }
}

extension StreamCore {
    /// True if the write is complete; false if the rest waits to be sent, with descriptors of its
    /// own where they have not gone.
    func write(_ bytes: [UInt8], with descriptors: [Descriptor]) throws(ReactorError) -> Bool {
        if let refusal = refusal() { throw refusal }
        if outbound.isClear {
            let memory = BorrowedMemory(keptAlive: bytes)
            let count = descriptor.send(parts: [memory], with: descriptors)
            if count < 0, ReactorError.Code(rawValue: Int32(count)) == .badDescriptor {
                throw error(.badDescriptor, "send descriptors to")
            }
            let sent = try count > 0 ? count : unsent(count)
            if sent > 0 {
                if sent < bytes.count { queue(bytes, from: sent) }
                return sent == bytes.count
            }
        }
        var copies: [Descriptor] = []
        do throws(ReactorError) {
            for descriptor in descriptors { copies.append(try descriptor.duplicate()) }
        } catch {
            for copy in copies { copy.close() }
            throw error
        }
        unixPeer?.append(copies, after: outbound.pending)
        queue(bytes)
        return false
    }
}
