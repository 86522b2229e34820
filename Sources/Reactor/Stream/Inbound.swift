// The reading half of a stream as a machine: data, end, reader and cancellation in any order.

import DequeModule

/// What a read comes to.
enum ReadOutcome: Sendable {
    case count(Int)
    case bytes([UInt8])
    case end
    case failed(ReactorError)
    case cancelled
}

extension ReadOutcome {
    /// What `read(into:)` returns.
    @inline(__always)
    func count() throws -> Int {
        switch self {
        case .count(let count): return count
        case .bytes, .end: return 0
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// What `read(upTo:)` returns.
    @inline(__always)
    func bytes() throws -> [UInt8]? {
        switch self {
        case .bytes(let bytes): return bytes
        case .count, .end: return nil
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }
}

/// Keeps what has arrived and nobody has read, and the one who waits for more. Its methods return
/// what the owner is to do; it does nothing itself.
struct Inbound {
    /// Reading pauses above the first and goes on below the second.
    static let highMark = 64 * 1024
    static let lowMark = 16 * 1024

    /// Where a reader wants its bytes.
    enum Target {
        /// In its own memory, which stays in place until the outcome is delivered.
        case memory(BorrowedMemory)
        /// In an array of at most so many.
        case array(max: Int)
    }

    struct Reader {
        let id: WaitID
        let target: Target
        let waiter: Waiter<ReadOutcome>
    }

    /// To resume a reader; nothing if there is none.
    typealias Wake = (waiter: Waiter<ReadOutcome>, outcome: ReadOutcome)?

    private enum End {
        case open
        case finished
        case failed(ReactorError)
        case told(ReactorError)
    }

    private var unreadChunks = Deque<[UInt8]>()
    // Half a word each: neither passes the high mark by more than one read.
    private var consumed: UInt32 = 0
    private var stored: UInt32 = 0
    private var end = End.open
    private(set) var reader: Reader?

    /// How many bytes wait to be read.
    @inline(__always)
    private(set) var unread: Int {
        get { Int(stored) }
        set { stored = UInt32(newValue) }
    }

    /// How many bytes of the first chunk have been read.
    private var firstOffset: Int {
        get { Int(consumed) }
        set { consumed = UInt32(newValue) }
    }

    /// True while more may come.
    var isOpen: Bool { if case .open = end { true } else { false } }

    // MARK: Reading

    /// The outcome of a read that need not wait; `nil` if it must.
    @inline(__always)
    mutating func read(_ target: Target, closedError: () -> ReactorError) -> ReadOutcome? {
        if reader != nil { return .failed(ReactorError(.busy, closedError().operation)) }
        if unread > 0 { return take(target) }
        switch end {
        case .open: return nil
        case .finished: return .end
        case .failed(let error):
            end = .told(ReactorError(.closed, error.operation))
            return .failed(error)
        case .told(let error): return .failed(error)
        }
    }

    /// Lets a reader wait. Called right after `read` has returned `nil`, by a caller who knows that
    /// it is not cancelled.
    @inline(__always)
    mutating func park(_ reader: Reader) { self.reader = reader }

    mutating func cancel(_ id: WaitID) -> Wake {
        guard let reader, reader.id == id else { return nil }
        self.reader = nil
        return (reader.waiter, .cancelled)
    }

    // MARK: Arriving

    /// Where the next bytes should land: in the reader's own memory if it brought some.
    @inline(__always)
    func landing(else shared: BorrowedMemory) -> BorrowedMemory {
        switch reader?.target {
        case .memory(let memory): memory
        case .array(let max): shared.prefix(max)
        case nil: shared
        }
    }

    /// `count` bytes have landed in `memory`, as `landing` said.
    @inline(__always)
    mutating func received(_ count: Int, in memory: BorrowedMemory) -> Wake {
        guard let reader else {
            store(memory, count)
            return nil
        }
        self.reader = nil
        switch reader.target {
        case .memory: return (reader.waiter, .count(count))
        case .array: return (reader.waiter, .bytes(memory.copy(prefix: count)))
        }
    }

    /// Small pieces share an array, so that a peer who sends byte by byte cannot make 64 KiB of
    /// data cost megabytes.
    private mutating func store(_ memory: BorrowedMemory, _ count: Int) {
        unread += count
        if let last = unreadChunks.last, last.count < 2048 {
            unreadChunks[unreadChunks.count - 1] += memory.copy(prefix: count)
        } else {
            unreadChunks.append(memory.copy(prefix: count))
        }
    }

    /// The peer has finished.
    mutating func finish() -> Wake {
        guard isOpen else { return nil }
        end = .finished
        guard let reader = reader.take() else { return nil }
        return (reader.waiter, .end)
    }

    /// The connection has failed: told once, after what had arrived.
    mutating func fail(_ error: ReactorError) -> Wake {
        guard isOpen else { return nil }
        guard let reader = reader.take() else {
            end = .failed(error)
            return nil
        }
        end = .told(ReactorError(.closed, error.operation))
        return (reader.waiter, .failed(error))
    }

    /// This side has closed: what had arrived is gone, every read fails.
    mutating func close(_ error: ReactorError) -> Wake {
        end = .told(error)
        unreadChunks = []
        unread = 0
        guard let reader = reader.take() else { return nil }
        return (reader.waiter, .failed(error))
    }

    // MARK: The store

    private mutating func take(_ target: Target) -> ReadOutcome {
        switch target {
        case .memory(let memory):
            var filled = 0
            while filled < memory.count, let first = unreadChunks.first {
                let count = min(first.count - firstOffset, memory.count - filled)
                memory.dropFirst(filled).fill(from: first, at: firstOffset, count: count)
                filled += count
                consume(count, of: first)
            }
            return .count(filled)
        case .array(let max):
            let first = unreadChunks[0]
            let count = min(first.count - firstOffset, max)
            defer { consume(count, of: first) }
            if count == first.count { return .bytes(first) }
            return .bytes(Array(first[firstOffset..<firstOffset + count]))
        }
    }

    private mutating func consume(_ count: Int, of first: [UInt8]) {
        unread -= count
        firstOffset += count
        if firstOffset == first.count {
            unreadChunks.removeFirst()
            firstOffset = 0
        }
    }
}
