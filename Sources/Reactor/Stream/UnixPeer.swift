// The other end of a Unix stream: its name, and the descriptors on their way to it and from it.

import DequeModule

/// Beside a stream's own machines, so that no other stream has to have room for it.
///
/// Unchecked: all but the name is reached through the stream's `LoopBound`.
final class UnixPeer: @unchecked Sendable {
    /// As errors have it.
    let name: String
    /// Whether descriptors that come are kept for `receive`; else the kernel closes them.
    let receivesDescriptors: Bool

    private var arrived = Deque<Arrived>()
    private var leaving = Deque<Leaving>()
    private var claim: (id: WaitID, claim: Claim)?
    /// All bytes that have been received.
    private var received = 0
    private var kept = 0

    /// What peers can make this process keep, beside the bytes that wait to be read.
    static let mostKept = 1_024

    /// Descriptors that came with the bytes from `start` to `end`.
    private struct Arrived {
        let start: Int
        let end: Int
        let descriptors: [Descriptor]
        let isIncomplete: Bool
    }

    /// Descriptors that go with the first of the bytes that follow `before` others.
    private struct Leaving {
        var before: Int
        let descriptors: [Descriptor]
    }

    /// What one `receive` gets beside its bytes.
    ///
    /// Unchecked: filled on the loop before its wait ends, and read after it.
    final class Claim: @unchecked Sendable {
        fileprivate(set) var descriptors: [Descriptor] = []
        fileprivate(set) var isIncomplete = false
    }

    init(_ name: String, receivesDescriptors: Bool) {
        self.name = name
        self.receivesDescriptors = receivesDescriptors
    }

    // MARK: Coming

    /// Reads into `memory`, for `reader` if somebody waits. A count, or a negated errno.
    func receive(
        from descriptor: Descriptor, into memory: BorrowedMemory, for reader: WaitID?
    ) -> Int {
        guard receivesDescriptors else { return descriptor.receive(into: memory) }
        var descriptors: [Descriptor] = []
        var isIncomplete = false
        let count = descriptor.receive(into: memory, &descriptors, isCut: &isIncomplete)
        guard count > 0 else {
            descriptors.forEach { $0.close() }
            return count
        }
        received += count
        if let claim, claim.id == reader {
            claim.claim.descriptors = descriptors
            claim.claim.isIncomplete = isIncomplete
            self.claim = nil
            return count
        }
        guard !descriptors.isEmpty || isIncomplete else { return count }
        if kept + descriptors.count > Self.mostKept {
            descriptors.forEach { $0.close() }
            descriptors = []
            isIncomplete = true
        }
        kept += descriptors.count
        arrived.append(
            Arrived(
                start: received - count, end: received, descriptors: descriptors,
                isIncomplete: isIncomplete))
        return count
    }

    /// What comes while this wait lasts is the claim's.
    func expect(_ claim: Claim, _ id: WaitID) { self.claim = (id, claim) }

    func expectNoMore(_ id: WaitID) { if claim?.id == id { claim = nil } }

    /// Gives the claim what came with bytes that have been read, `unread` not being among them.
    func give(to claim: Claim, unread: Int) {
        while let first = arrived.first, first.start < received - unread {
            claim.descriptors += first.descriptors
            claim.isIncomplete = claim.isIncomplete || first.isIncomplete
            kept -= first.descriptors.count
            arrived.removeFirst()
        }
    }

    /// Closes what came with bytes that were all read by others than `receive`.
    func closePassed(unread: Int) {
        while let first = arrived.first, first.end <= received - unread {
            first.descriptors.forEach { $0.close() }
            kept -= first.descriptors.count
            arrived.removeFirst()
        }
    }

    // MARK: Going

    /// Descriptors of this object's own, to go after `pending` bytes.
    func append(_ descriptors: [Descriptor], after pending: Int) {
        leaving.append(Leaving(before: pending, descriptors: descriptors))
    }

    /// Sends what the kernel takes, and no further than the next descriptors. A count, or a
    /// negated errno.
    func send(_ parts: [BorrowedMemory], to descriptor: Descriptor) -> Int {
        guard let first = leaving.first else { return descriptor.send(parts: parts) }
        let count: Int
        if first.before > 0 {
            count = descriptor.send(parts: Self.prefix(first.before, of: parts))
        } else {
            let limit = leaving.count > 1 ? leaving[1].before : .max
            count = descriptor.send(
                parts: Self.prefix(limit, of: parts), with: first.descriptors)
            if count > 0 {
                first.descriptors.forEach { $0.close() }
                leaving.removeFirst()
            }
        }
        if count > 0 { for index in leaving.indices { leaving[index].before -= count } }
        return count
    }

    @inline(__always)
    func send(_ memory: BorrowedMemory, to descriptor: Descriptor) -> Int {
        leaving.isEmpty ? descriptor.send(memory) : send([memory], to: descriptor)
    }

    private static func prefix(_ limit: Int, of parts: [BorrowedMemory]) -> [BorrowedMemory] {
        var rest = limit
        var prefix: [BorrowedMemory] = []
        for part in parts where rest > 0 {
            prefix.append(part.prefix(rest))
            rest -= min(rest, part.count)
        }
        return prefix
    }

    // MARK: The end

    /// The stream has ended: nobody gets what is left.
    func close() {
        for entry in arrived { entry.descriptors.forEach { $0.close() } }
        for entry in leaving { entry.descriptors.forEach { $0.close() } }
        arrived = []
        leaving = []
        kept = 0
        claim = nil
    }
}
