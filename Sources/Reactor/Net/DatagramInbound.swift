// The receiving half of a datagram socket as a machine: arrivals, receiver, end, in any order.

/// What a receive comes to.
enum ReceiveOutcome: Sendable {
    case header(Datagram.Header)
    case datagram(Datagram)
    case batch([Datagram])
    case failed(ReactorError)
    case cancelled
}

/// Keeps what was received ahead, the one who waits, and how much to ask the kernel for. Its
/// methods return what the owner is to do; it does nothing itself.
///
/// Only a receiver's call or wait takes anything from the kernel: where nobody receives, nothing is
/// held here and the kernel drops what it has no room for.
struct DatagramInbound {
    /// How many datagrams are taken with one call, at most, for a receiver of single ones.
    static let depthLimit = 32
    /// How many bytes that call should bring, judged by the largest datagram of the last one.
    static let aheadLimit = 64 * 1024

    /// Where a receiver wants its datagrams.
    enum Target {
        /// In its own memory, which stays in place until the outcome is delivered.
        case memory(BorrowedMemory)
        /// In an array of at most so many bytes.
        case array(max: Int)
        /// As many as are there, up to so many.
        case batch(max: Int)
    }

    struct Receiver {
        let id: WaitID
        let target: Target
        let waiter: Waiter<ReceiveOutcome>
    }

    private struct Record {
        let from: SocketAddress
        let offset: Int
        let count: Int
        let isTruncated: Bool
    }

    /// What was received ahead: the bytes in one piece, which is used again and again.
    private var bytes: [UInt8] = []
    private var records: [Record] = []
    private var first = 0

    private var end: ReactorError?
    private(set) var receiver: Receiver?

    /// How many to ask for. Two at least: where one comes, the kernel has said that there are no
    /// more, which saves asking in vain.
    private var depth = 2
    /// True unless the kernel has just said that there is nothing.
    var mayHaveMore = true

    var storedCount: Int { records.count - first }

    // MARK: Receiving

    /// The outcome of a receive that need not wait for the kernel; `nil` if it must.
    @inline(__always)
    mutating func receive(_ target: Target, operation: () -> String) -> ReceiveOutcome? {
        if receiver != nil { return .failed(ReactorError(.busy, operation())) }
        if first < records.count { return takeStored(target) }
        if let end { return .failed(end) }
        return nil
    }

    /// Lets a receiver wait. Called right after `receive` has returned `nil`.
    mutating func park(_ receiver: Receiver) { self.receiver = receiver }

    mutating func takeReceiver() -> Receiver? { receiver.take() }

    mutating func cancel(_ id: WaitID) -> Waiter<ReceiveOutcome>? {
        guard let receiver, receiver.id == id else { return nil }
        self.receiver = nil
        return receiver.waiter
    }

    /// This side has closed: what was received ahead is gone, every receive fails.
    mutating func close(_ error: ReactorError) -> Waiter<ReceiveOutcome>? {
        end = error
        bytes = []
        records = []
        first = 0
        return receiver.take()?.waiter
    }

    // MARK: Arriving

    /// How many datagrams to ask the kernel for on behalf of `target`.
    @inline(__always)
    func want(for target: Target) -> Int {
        if case .batch(let max) = target { return min(max, DatagramLanding.slots) }
        return depth
    }

    /// The kernel has brought `count` of the `want` datagrams asked for, the largest of `largest`
    /// bytes.
    @inline(__always)
    mutating func brought(_ count: Int, of want: Int, largest: Int) {
        mayHaveMore = count == want
        if mayHaveMore, want >= depth { depth = Swift.min(depth * 2, Self.depthLimit) }
        if count < depth / 2 { depth = Swift.max(depth / 2, 2) }
        if depth * largest > Self.aheadLimit { depth = Swift.max(Self.aheadLimit / largest, 1) }
    }

    /// The kernel has nothing.
    mutating func foundNothing() {
        mayHaveMore = false
        depth = Swift.max(depth / 2, 2)
    }

    /// Keeps a datagram that came with the one asked for.
    @inline(__always)
    mutating func store(_ memory: BorrowedMemory, from: SocketAddress, isTruncated: Bool) {
        records.append(
            Record(
                from: from, offset: bytes.count, count: memory.count, isTruncated: isTruncated))
        memory.append(to: &bytes)
    }

    private mutating func takeStored(_ target: Target) -> ReceiveOutcome {
        defer { if first == records.count { forget() } }
        switch target {
        case .memory(let memory):
            let record = records[first]
            first += 1
            let count = Swift.min(record.count, memory.count)
            memory.fill(from: bytes, at: record.offset, count: count)
            return .header(
                Datagram.Header(
                    count: count, from: record.from,
                    isTruncated: record.isTruncated || count < record.count))
        case .array(let max):
            first += 1
            return .datagram(datagram(records[first - 1], max: max))
        case .batch(let max):
            let taken = records[first...].prefix(max)
            first += taken.count
            return .batch(taken.map { datagram($0, max: .max) })
        }
    }

    private func datagram(_ record: Record, max: Int) -> Datagram {
        let count = Swift.min(record.count, max)
        return Datagram(
            Array(bytes[record.offset..<record.offset + count]), from: record.from,
            isTruncated: record.isTruncated || count < record.count)
    }

    /// Room for a few small datagrams stays, so that a busy socket allocates nothing.
    private mutating func forget() {
        first = 0
        records.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: bytes.capacity <= 16 * 1024)
    }
}

extension ReceiveOutcome {
    @inline(__always)
    func header() throws -> Datagram.Header {
        if case .header(let header) = self { return header }
        throw failure
    }

    @inline(__always)
    func datagram() throws -> Datagram {
        if case .datagram(let datagram) = self { return datagram }
        throw failure
    }

    @inline(__always)
    func batch() throws -> [Datagram] {
        if case .batch(let batch) = self { return batch }
        throw failure
    }

    private var failure: any Error {
        if case .failed(let error) = self { return error }
        return CancellationError()
    }
}
