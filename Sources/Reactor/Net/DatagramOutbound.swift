// The sending half of a datagram socket as a machine: who waits until the kernel has room.

import DequeModule

/// What a send comes to.
enum SendOutcome: Sendable {
    case sent
    case report(Datagram.SendReport)
    case failed(ReactorError)
    case cancelled
}

/// Keeps those whose datagrams the kernel had no room for, in order. The datagrams stay with their
/// senders, who wait: nothing is copied, and nothing grows here but the number of waits.
struct DatagramOutbound {
    struct Sender {
        let id: WaitID
        let work: Work
        let waiter: Waiter<SendOutcome>
    }

    /// What waits to be sent.
    enum Work {
        /// One datagram, in memory that stays in place until the outcome is delivered.
        case one(BorrowedMemory, to: SocketAddress?)
        case batch(DatagramBatch)
    }

    private var senders = Deque<Sender>()

    @inline(__always)
    var isClear: Bool { senders.isEmpty }

    var first: Sender? { senders.first }

    mutating func park(_ sender: Sender) { senders.append(sender) }

    mutating func removeFirst() { senders.removeFirst() }

    /// Those who wait, in order.
    var waitingSenders: Deque<Sender> { senders }

    mutating func takeAll() -> Deque<Sender> {
        defer { senders = [] }
        return senders
    }

    mutating func cancel(_ id: WaitID) -> Sender? {
        guard let index = senders.firstIndex(where: { $0.id == id }) else { return nil }
        return senders.remove(at: index)
    }
}

/// Datagrams on their way out together, and what became of those that have been tried.
final class DatagramBatch {
    let datagrams: [Datagram.Outgoing]
    private(set) var next = 0
    private(set) var report = Datagram.SendReport()
    /// Up to here each leaves as a message of its own: some of these did not fit into one.
    var singleUntil = 0

    init(_ datagrams: [Datagram.Outgoing]) { self.datagrams = datagrams }

    var isDone: Bool { next == datagrams.count }

    func sent(_ count: Int) {
        report.sent += count
        next += count
    }

    func failed(_ error: any Error) {
        report.failures.append(Datagram.SendReport.Failure(index: next, error: error))
        next += 1
    }

    /// Nothing more will be tried. `nil` if nothing has been.
    func giveUp(_ error: any Error) -> SendOutcome? {
        if next == 0 { return nil }
        while !isDone { failed(error) }
        return .report(report)
    }
}

extension DatagramOutbound.Sender {
    /// The socket has closed, or cannot be used any more.
    func fail(_ error: ReactorError) {
        if case .batch(let batch) = work, let outcome = batch.giveUp(error) {
            waiter.resume(outcome)
        } else {
            waiter.resume(.failed(error))
        }
    }

    /// The task was cancelled: what waits is not sent.
    func cancel() {
        if case .batch(let batch) = work, let outcome = batch.giveUp(CancellationError()) {
            waiter.resume(outcome)
        } else {
            waiter.resume(.cancelled)
        }
    }
}

extension SendOutcome {
    @inline(__always)
    func check() throws {
        switch self {
        case .sent, .report: return
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    func report() throws -> Datagram.SendReport {
        try check()
        if case .report(let report) = self { return report }
        return Datagram.SendReport()
    }
}
