// The reading half of a stream: every order of data, end, reader and cancellation.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct InboundTests {
    @Test func `a read of nothing has to wait`() {
        let half = Half()
        #expect(half.read(max: 10) == .wait)
    }

    @Test func `what has arrived is read in order, in pieces as asked for`() {
        let half = Half()
        half.receive([1, 2, 3, 4, 5])
        #expect(half.inbound.unread == 5)
        #expect(half.read(max: 2) == .bytes([1, 2]))
        #expect(half.readMemory(2) == .bytes([3, 4]))
        #expect(half.read(max: 9) == .bytes([5]))
        #expect(half.read(max: 9) == .wait)
    }

    @Test func `a read into memory takes from several pieces`() {
        let half = Half()
        half.receive(Pattern.bytes(3000))
        half.receive(Array(Pattern.bytes(6000)[3000...]))
        #expect(half.readMemory(6000) == .bytes(Pattern.bytes(6000)))
    }

    @Test func `small pieces share an array`() {
        let half = Half()
        for byte in 0..<100 { half.receive([UInt8(byte)]) }
        #expect(half.read(max: 1000) == .bytes(Array(0..<100)))
    }

    @Test(arguments: [true, false])
    func `bytes for a waiting reader go to it alone`(inMemory: Bool) {
        let half = Half()
        half.park(inMemory ? half.memoryTarget(4) : .array(max: 4))
        #expect(half.receive([1, 2, 3, 4, 5, 6]) == .bytes([1, 2, 3, 4]))
        #expect(half.inbound.unread == 0)
        #expect(half.inbound.reader == nil)
    }

    @Test func `a second reader is busy, the first stays`() {
        let half = Half()
        half.park(.array(max: 4))
        #expect(half.read(max: 1) == .failed(.busy))
        #expect(half.receive([1]) == .bytes([1]))
    }

    @Test func `the end is told after the data, again and again`() {
        let half = Half()
        half.receive([1])
        #expect(half.end(half.inbound.finish()) == .nobody)
        #expect(half.read(max: 4) == .bytes([1]))
        #expect(half.read(max: 4) == .end)
        #expect(half.readMemory(4) == .end)
        #expect(!half.inbound.isOpen)
    }

    @Test func `a failure is told once, after the data`() {
        let half = Half()
        half.receive([1])
        _ = half.inbound.fail(ReactorError(.connectionReset, "test"))
        #expect(half.read(max: 4) == .bytes([1]))
        #expect(half.read(max: 4) == .failed(.connectionReset))
        #expect(half.read(max: 4) == .failed(.closed))
    }

    @Test func `closing drops the data and tells the reader`() {
        let half = Half()
        half.receive([1, 2])
        _ = half.inbound.close(ReactorError(.closed, "test"))
        #expect(half.read(max: 4) == .failed(.closed))
        let other = Half()
        other.park(.array(max: 4))
        #expect(other.end(other.inbound.close(ReactorError(.closed, "test"))) == .failed(.closed))
    }

    @Test func `the first end counts`() {
        let half = Half()
        _ = half.inbound.finish()
        _ = half.inbound.fail(ReactorError(.connectionReset, "test"))
        #expect(half.read(max: 4) == .end)
        let other = Half()
        _ = other.inbound.fail(ReactorError(.connectionReset, "test"))
        _ = other.inbound.finish()
        #expect(other.read(max: 4) == .failed(.connectionReset))
    }

    @Test(arguments: ["finish", "fail", "close", "cancel", "data"])
    func `a waiting reader gets one outcome`(event: String) {
        let half = Half()
        half.park(.array(max: 4))
        let first = half.happen(event)
        #expect(first != .nobody)
        for later in ["cancel", "finish", "fail", "close"] {
            #expect(half.happen(later) == .nobody, "\(later) after \(event)")
        }
    }

    @Test func `a cancellation that comes late spares the next wait`() {
        let half = Half()
        let wait = RemoteWait<ReadOutcome>()
        #expect(half.end(half.inbound.cancel(WaitID(wait))) == .nobody)
        #expect(half.end(half.inbound.cancel(WaitID(1))) == .nobody)
        #expect(half.park(.array(max: 4), as: WaitID(wait)) == .nobody)
        #expect(half.end(half.inbound.cancel(WaitID(1))) == .nobody)
        #expect(half.receive([1]) == .bytes([1]))
    }

    @Test func `any order keeps every byte`() {
        for _ in 0..<20 {
            var generator = SeededGenerator()
            walk(&generator)
        }
    }

    /// Compares with a plain array of what is unread.
    private func walk(_ generator: inout SeededGenerator) {
        let half = Half()
        let all = Pattern.bytes(200_000)
        var arrived = 0
        var taken = 0
        var isWaiting = false
        func note(_ comment: String) -> Comment { "seed \(generator.seed): \(comment)" }
        func expect(_ seen: Half.Seen, upTo limit: Int, exactly: Bool) {
            let unread = arrived - taken
            guard case .bytes(let bytes) = seen else {
                Issue.record(note("\(seen), though \(unread) are unread"))
                return
            }
            #expect(bytes == Array(all[taken..<min(arrived, taken + bytes.count)]), note("bytes"))
            #expect(bytes.count <= limit && bytes.count > 0, note("count"))
            if exactly { #expect(bytes.count == min(limit, unread), note("exact count")) }
            taken += bytes.count
        }
        for _ in 0..<300 {
            let size = Int.random(in: 1...3000, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0 where arrived + size <= all.count:
                let seen = half.receive(Array(all[arrived..<arrived + size]))
                if isWaiting, case .bytes(let bytes) = seen {
                    arrived += bytes.count
                    expect(seen, upTo: size, exactly: false)
                } else {
                    #expect(seen == .nobody, note("received"))
                    arrived += size
                }
                isWaiting = false
            case 1, 2:
                let isMemory = Bool.random(using: &generator)
                let seen = isMemory ? half.readMemory(size) : half.read(max: size)
                if isWaiting {
                    #expect(seen == .failed(.busy), note("busy"))
                } else if arrived > taken {
                    expect(seen, upTo: size, exactly: isMemory)
                } else {
                    #expect(seen == .wait, note("read"))
                    half.park(isMemory ? half.memoryTarget(size) : .array(max: size))
                    isWaiting = true
                }
            case 3 where isWaiting:
                #expect(half.happen("cancel") == .cancelled, note("cancel"))
                isWaiting = false
            default:
                #expect(half.end(half.inbound.cancel(WaitID(0))) == .nobody, note("late cancel"))
            }
            #expect(half.inbound.unread == arrived - taken, note("unread"))
        }
    }
}

/// An `Inbound` with an owner that has no loop and no socket.
private final class Half {
    var inbound = Inbound()
    private var lastWait: UInt64 = 100
    private var lastID = WaitID(100)
    private var memory = BorrowedMemory.allocate(count: 64 * 1024)
    private let landing = BorrowedMemory.allocate(count: 64 * 1024)

    enum Seen: Equatable {
        case wait, nobody, end, cancelled
        case bytes([UInt8])
        case failed(ReactorError.Code)
    }

    deinit {
        memory.deallocate()
        landing.deallocate()
    }

    func memoryTarget(_ count: Int) -> Inbound.Target { .memory(memory.prefix(count)) }

    func read(max: Int) -> Seen { seen(read(.array(max: max))) ?? .wait }

    func readMemory(_ count: Int) -> Seen { seen(read(memoryTarget(count))) ?? .wait }

    private func read(_ target: Inbound.Target) -> ReadOutcome? {
        inbound.read(target) { ReactorError(.closed, "test") }
    }

    @discardableResult
    func park(_ target: Inbound.Target, as id: WaitID? = nil) -> Seen {
        lastWait += 1
        lastID = id ?? WaitID(lastWait)
        inbound.park(
            Inbound.Reader(
                id: lastID, target: target, waiter: .elsewhere(RemoteWait<ReadOutcome>())))
        return .nobody
    }

    /// Bytes that come in; no more than `landing` has room for.
    @discardableResult
    func receive(_ bytes: [UInt8]) -> Seen {
        let memory = inbound.landing(else: landing)
        let count = min(bytes.count, memory.count)
        memory.fill(from: bytes, at: 0, count: count)
        return end(inbound.received(count, in: memory))
    }

    func happen(_ event: String) -> Seen {
        switch event {
        case "finish": end(inbound.finish())
        case "fail": end(inbound.fail(ReactorError(.connectionReset, "test")))
        case "close": end(inbound.close(ReactorError(.closed, "test")))
        case "cancel": end(inbound.cancel(lastID))
        default: receive([1])
        }
    }

    func end(_ wake: Inbound.Wake) -> Seen { wake.flatMap { seen($0.outcome) } ?? .nobody }

    private func seen(_ outcome: ReadOutcome?) -> Seen? {
        switch outcome {
        case nil: nil
        case .count(let count): .bytes(memory.copy(prefix: count))
        case .bytes(let bytes): .bytes(bytes)
        case .end: .end
        case .failed(let error): .failed(error.code)
        case .cancelled: .cancelled
        }
    }
}
