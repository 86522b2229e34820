// The writing half of a stream as a machine: what waits to be sent, and who waits for that.

import DequeModule

/// What a write, or `finish`, comes to.
enum WriteOutcome: Sendable {
    case done
    case failed(ReactorError)
    case cancelled
}

extension WriteOutcome {
    @inline(__always)
    func check() throws {
        switch self {
        case .done: return
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }
}

/// Keeps what the kernel has not taken yet, in order, and those who wait until there is less of it.
struct Outbound {
    /// A write waits while this much or more is pending.
    static let mark = 64 * 1024

    struct Writer {
        let id: WaitID
        let waiter: Waiter<WriteOutcome>
        /// Resumed once less than this is pending.
        let below: Int
    }

    private enum State {
        case open
        /// Somebody sends by other means; what is written meanwhile waits, `finish` too.
        case held(finishes: Bool)
        /// `finish` was called: the end follows what is pending.
        case finishing
        /// The end was sent.
        case finished
        case failed(ReactorError)
    }

    private var pieces = Deque<[UInt8]>()
    private var firstOffset = 0
    private(set) var pending = 0
    private var state = State.open
    private var writers = Deque<Writer>()

    /// True if nothing waits, so that a write may go straight to the kernel.
    @inline(__always)
    var isClear: Bool {
        if pending == 0, case .open = state { true } else { false }
    }

    /// Why nothing more may be written; `nil` if it may.
    @inline(__always)
    func refusal(_ operation: () -> String) -> ReactorError? {
        switch state {
        case .open, .held(finishes: false): nil
        case .finishing, .finished, .held: ReactorError(.finished, operation())
        case .failed(let error): error
        }
    }

    /// Why nothing more can be sent; `nil` while something can.
    var failure: ReactorError? { if case .failed(let error) = state { error } else { nil } }

    // MARK: Writing

    /// Queues what the kernel did not take: the bytes of `array` from `offset` on.
    mutating func append(_ array: [UInt8], from offset: Int = 0) {
        guard offset < array.count else { return }
        if pieces.isEmpty { firstOffset = offset }
        pending += array.count - offset
        if offset > 0, pieces.count > 0 {
            pieces.append(Array(array[offset...]))
        } else {
            pieces.append(array)
        }
    }

    /// How many wait for room, or for the end to be sent.
    var waiting: Int { writers.count }

    /// Those who do.
    var waitingWriters: Deque<Writer> { writers }

    /// True if a writer may return at once.
    var hasRoom: Bool { pending < Self.mark }

    /// Lets a writer wait, who is not cancelled by now.
    mutating func park(_ writer: Writer) { writers.append(writer) }

    mutating func cancel(_ id: WaitID) -> Waiter<WriteOutcome>? {
        guard let index = writers.firstIndex(where: { $0.id == id }) else { return nil }
        return writers.remove(at: index).waiter
    }

    // MARK: Sending

    /// The pieces at the front, at most `limit` of them. They stay in place until `sent` or `fail`.
    func front(limit: Int) -> [BorrowedMemory] {
        var parts: [BorrowedMemory] = []
        parts.reserveCapacity(min(limit, pieces.count))
        for piece in pieces.prefix(limit) {
            let memory = BorrowedMemory(keptAlive: piece)
            parts.append(parts.isEmpty ? memory.dropFirst(firstOffset) : memory)
        }
        return parts
    }

    /// The kernel has taken `count` more bytes.
    mutating func sent(_ count: Int) {
        pending -= count
        var rest = count
        while rest > 0, let first = pieces.first {
            let left = first.count - firstOffset
            if rest < left {
                firstOffset += rest
                return
            }
            rest -= left
            firstOffset = 0
            pieces.removeFirst()
        }
    }

    /// The next writer that may go on; call until `nil`.
    mutating func nextReady() -> Waiter<WriteOutcome>? {
        guard let index = writers.firstIndex(where: { pending < $0.below }) else { return nil }
        return writers.remove(at: index).waiter
    }

    // MARK: Ending

    /// True if the end may be sent now; it is the caller's to send.
    mutating func finish() -> Bool {
        if isHeld { state = .held(finishes: true) }
        guard case .open = state else { return false }
        state = pending == 0 ? .finished : .finishing
        return pending == 0
    }

    /// True once, when the last byte before a requested end has been sent.
    mutating func takeDueFinish() -> Bool {
        guard case .finishing = state, pending == 0 else { return false }
        state = .finished
        return true
    }

    /// Nothing more can be sent: what is pending is dropped. The waiters are the caller's to fail.
    mutating func fail(_ error: ReactorError) -> [Waiter<WriteOutcome>] {
        refuse(error)
        pieces = []
        firstOffset = 0
        pending = 0
        return takeWriters()
    }

    /// Nothing more may be written; what is pending still goes out, unless it had to follow what
    /// somebody sends by other means, which ends here.
    mutating func refuse(_ error: ReactorError) {
        if isHeld {
            pieces = []
            pending = 0
        }
        state = .failed(error)
    }

    // MARK: Sending by other means

    var isHeld: Bool { if case .held = state { true } else { false } }

    /// True if what is written waits from now on, until `release`.
    mutating func hold() -> Bool {
        guard isClear else { return false }
        state = .held(finishes: false)
        return true
    }

    mutating func release() {
        guard case .held(let finishes) = state else { return }
        state = finishes ? .finishing : .open
    }

    /// What a holder's wait for room in the kernel is told apart by.
    static let room = Int.min

    /// The holder who waits for room in the kernel.
    mutating func takeHolder() -> Waiter<WriteOutcome>? {
        guard let index = writers.firstIndex(where: { $0.below == Self.room }) else { return nil }
        return writers.remove(at: index).waiter
    }

    /// True if something can be done once the kernel has room.
    var wantsRoom: Bool {
        isHeld ? writers.contains { $0.below == Self.room } : pending > 0
    }

    mutating func takeWriters() -> [Waiter<WriteOutcome>] {
        defer { writers = [] }
        return writers.map(\.waiter)
    }
}
