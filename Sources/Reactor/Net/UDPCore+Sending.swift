// Sending datagrams on the loop: to the kernel at once, else in the order in which they came.

extension UDPCore {
    /// Datagrams of one batch that are sent before others get their turn.
    private static let stretch = 1024

    /// Where a datagram for `address` goes; `nil` for the peer. Nothing has been asked of the
    /// kernel if this throws.
    @inline(__always)
    func destination(_ address: SocketAddress?) throws(ReactorError) -> SocketAddress? {
        if let end { throw end }
        if let peer {
            if address == nil || address == peer { return nil }
            throw refusal(.alreadyConnected, address)
        }
        guard let address else { throw refusal(.destinationRequired, address) }
        if address.family == self.address.family { return address }
        throw refusal(.familyNotSupported, address)
    }

    @inline(never)
    private func refusal(
        _ code: ReactorError.Code, _ address: SocketAddress?
    ) -> ReactorError {
        let whom = (address ?? peer).map { "to \($0) " } ?? ""
        return ReactorError(code, "send \(whom)from \(self.address)")
    }

    /// True if it was sent; false if the kernel has no room, or others wait for that.
    @inline(__always)
    func send(_ memory: BorrowedMemory, to address: SocketAddress?) throws(ReactorError) -> Bool {
        let target = try destination(address)
        guard outbound.isClear else { return false }
        return try sendNow(memory, target)
    }

    @inline(__always)
    private func sendNow(
        _ memory: BorrowedMemory, _ target: SocketAddress?
    ) throws(ReactorError) -> Bool {
        let status = descriptor.sendDatagram(memory, to: target)
        statistics.sendCalls += 1
        if status == 0 {
            statistics.sent += 1
            return true
        }
        if mustWait(status) { return false }
        throw refusal(ReactorError.Code(rawValue: Int32(status)), target)
    }

    private func mustWait(_ status: Int) -> Bool {
        switch ReactorError.Code(rawValue: Int32(status)) {
        case .wouldBlock: return true
        case .noBufferSpace:
            pauseSending()
            return true
        default: return false
        }
    }

    /// Sends as much of a batch as goes. True if each has been sent or has failed.
    func send(_ batch: DatagramBatch) -> Bool {
        guard outbound.isClear else { return false }
        return advance(batch)
    }

    private func advance(_ batch: DatagramBatch) -> Bool {
        let limit = batch.next + Self.stretch
        while !batch.isDone {
            if batch.next >= limit { return false }
            let segmented = segments && batch.next >= batch.singleUntil
            let added = fill(from: batch, segmented: segmented)
            if added == 0 { continue }
            let sent = core.datagrams.send(on: descriptor, singly: singly)
            statistics.sendCalls += 1
            if sent.count > 0 {
                statistics.sent += sent.count
                batch.sent(sent.count)
                if segmented, sent.members > 1 {
                    statistics.segmentedCalls += 1
                    segmentRefusals = 0
                }
            } else if mustWait(sent.status) {
                return false
            } else {
                failed(batch, ReactorError.Code(rawValue: Int32(sent.status)), sent.members)
            }
        }
        return true
    }

    /// Adds datagrams to the next call until it is full, or one is in the way that must not be
    /// sent. How many; none if the first one has failed.
    private func fill(from batch: DatagramBatch, segmented: Bool) -> Int {
        let datagrams = batch.datagrams
        let landing = core.datagrams
        var index = batch.next
        while index < datagrams.count {
            let target: SocketAddress?
            do throws(ReactorError) {
                target = try destination(datagrams[index].address)
            } catch {
                if index == batch.next { batch.failed(error) }
                break
            }
            // The batch keeps the bytes in place.
            let memory = BorrowedMemory(keptAlive: datagrams[index].bytes)
            guard landing.add(memory, to: target, segmented: segmented) else { break }
            index += 1
        }
        return max(index - batch.next, 0)
    }

    /// The first `members` datagrams, in one message, have not been sent.
    private func failed(_ batch: DatagramBatch, _ code: ReactorError.Code, _ members: Int) {
        if members > 1, Self.isUnfit(code) {
            // Larger than the route allows in this form, or a device that cannot: one by one.
            batch.singleUntil = batch.next + members
            segmentRefusals += 1
            if segmentRefusals == 8 { segments = false }
        } else {
            batch.failed(refusal(code, batch.datagrams[batch.next].address))
        }
    }

    /// What says that a large send cannot be cut up here, or that a datagram of it is too large.
    private static func isUnfit(_ code: ReactorError.Code) -> Bool {
        switch code {
        case .refusedArgument, .messageTooLong, .inputOutput, .notSupported: true
        default: false
        }
    }

    /// Sends for those who wait, until the kernel has no more room.
    func flush() {
        guard end == nil else { return }
        var left = Self.stretch
        while left > 0, let sender = outbound.first {
            let outcome: SendOutcome
            switch sender.work {
            case .one(let memory, let target):
                left -= 1
                do throws(ReactorError) {
                    guard try sendNow(memory, target) else { return }
                    outcome = .sent
                } catch {
                    outcome = .failed(error)
                }
            case .batch(let batch):
                let before = batch.next
                guard advance(batch) else { return }
                left -= batch.next - before
                outcome = .report(batch.report)
            }
            outbound.removeFirst()
            sender.waiter.resume(outcome)
        }
    }
}
