// The writing half of a stream: what waits to be sent, who waits for it, and the end.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct OutboundTests {
    @Test func `nothing is pending at first`() {
        let outbound = Sender()
        #expect(outbound.machine.isClear)
        #expect(outbound.machine.hasRoom)
        #expect(outbound.machine.refusal { "test" } == nil)
        #expect(outbound.machine.failure == nil)
    }

    @Test func `what the kernel did not take goes out in order`() {
        let outbound = Sender()
        outbound.append([1, 2, 3, 4], from: 1)
        outbound.append([])
        outbound.append([5, 6, 7], from: 2)
        outbound.append([8, 9])
        #expect(outbound.machine.pending == 6)
        #expect(outbound.front() == [2, 3, 4, 7, 8, 9])
        outbound.sent(1)
        #expect(outbound.front() == [3, 4, 7, 8, 9])
        outbound.sent(3)
        #expect(outbound.front() == [8, 9])
        outbound.sent(2)
        #expect(outbound.machine.isClear)
        #expect(outbound.front() == [])
    }

    @Test func `no more pieces are offered than asked for`() {
        let outbound = Sender()
        for _ in 0..<10 { outbound.append([1]) }
        #expect(outbound.machine.front(limit: 3).count == 3)
        #expect(outbound.machine.front(limit: 30).count == 10)
    }

    @Test func `a writer waits until less than its limit is pending`() {
        let outbound = Sender()
        outbound.append([UInt8](repeating: 0, count: Outbound.mark))
        #expect(!outbound.machine.hasRoom)
        outbound.park(1)
        outbound.park(2, below: 1)
        #expect(outbound.ready() == [])
        outbound.sent(1)
        #expect(outbound.machine.hasRoom)
        #expect(outbound.ready() == [1])
        outbound.sent(Outbound.mark - 2)
        #expect(outbound.ready() == [])
        outbound.sent(1)
        #expect(outbound.ready() == [2])
    }

    @Test func `a cancelled writer leaves its bytes`() {
        let outbound = Sender()
        outbound.append(Pattern.bytes(100_000))
        outbound.park(1)
        outbound.park(2)
        #expect(outbound.cancel(1) == 1)
        #expect(outbound.cancel(1) == nil)
        #expect(outbound.machine.pending == 100_000)
        outbound.sent(100_000)
        #expect(outbound.ready() == [2])
    }

    @Test func `a cancellation that comes late spares the next wait`() {
        let outbound = Sender()
        #expect(outbound.cancel(1) == nil)
        outbound.append([UInt8](repeating: 0, count: Outbound.mark))
        outbound.park(1)
        #expect(outbound.cancel(2) == nil)
        outbound.sent(1)
        #expect(outbound.ready() == [1])
    }

    @Test func `the end is due when nothing is pending, once`() {
        let outbound = Sender()
        #expect(outbound.finish())
        #expect(!outbound.takeDueFinish())
        #expect(outbound.machine.refusal { "test" }?.code == .finished)
        #expect(!outbound.machine.isClear)

        let full = Sender()
        full.append([1, 2])
        #expect(!full.finish())
        #expect(!full.takeDueFinish())
        #expect(full.machine.refusal { "test" }?.code == .finished)
        full.sent(2)
        #expect(full.takeDueFinish())
        #expect(!full.takeDueFinish())
    }

    @Test func `a failure drops what is pending and returns who waits`() {
        let outbound = Sender()
        outbound.append(Pattern.bytes(100_000))
        for number in 1...3 { outbound.park(number) }
        let error = ReactorError(.connectionReset, "test")
        #expect(outbound.fail(error) == [1, 2, 3])
        #expect(outbound.machine.pending == 0)
        #expect(outbound.machine.refusal { "test" } == error)
        #expect(outbound.machine.failure == error)
        #expect(!outbound.machine.isClear)
        #expect(!outbound.finish())
        #expect(outbound.ready() == [])
    }

    @Test func `after a refusal what is pending still goes out`() {
        let outbound = Sender()
        outbound.append([1, 2, 3])
        outbound.refuse(ReactorError(.closed, "test"))
        #expect(outbound.machine.refusal { "test" }?.code == .closed)
        #expect(outbound.front() == [1, 2, 3])
        outbound.sent(3)
        #expect(outbound.machine.pending == 0)
    }

    @Test func `any order sends every byte once`() {
        for _ in 0..<6 {
            var generator = SeededGenerator()
            walk(&generator)
        }
    }

    /// Compares with a plain array of what is pending.
    private func walk(_ generator: inout SeededGenerator) {
        let outbound = Sender()
        var pending: [UInt8] = []
        var waiting: [Int: Int] = [:]
        var last = 0
        func note(_ comment: String) -> Comment { "seed \(generator.seed): \(comment)" }
        for _ in 0..<300 {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                let bytes = Pattern.bytes(Int.random(in: 0...50_000, using: &generator))
                // Only what goes straight to the kernel is taken in part.
                let offset = pending.isEmpty && !bytes.isEmpty ? bytes.count / 3 : 0
                outbound.append(bytes, from: offset)
                pending += bytes[offset...]
            case 1:
                let count = Int.random(in: 0...pending.count, using: &generator)
                #expect(outbound.front() == pending, note("front"))
                outbound.sent(count)
                pending.removeFirst(count)
                let expected = waiting.filter { pending.count < $0.value }.keys.sorted()
                #expect(outbound.ready().sorted() == expected, note("ready"))
                for number in expected { waiting[number] = nil }
            case 2:
                last += 1
                let limit = Bool.random(using: &generator) ? 1 : Outbound.mark
                guard pending.count >= limit else { continue }
                outbound.park(last, below: limit)
                waiting[last] = limit
            default:
                guard let number = waiting.keys.sorted().randomElement(using: &generator) else {
                    continue
                }
                #expect(
                    outbound.cancel(number) == number,
                    note("cancel"))
                waiting[number] = nil
            }
            #expect(outbound.machine.pending == pending.count, note("pending"))
        }
    }

}

/// An `Outbound` whose writers go by numbers.
private final class Sender {
    var machine = Outbound()
    private var waits: [(number: Int, wait: RemoteWait<WriteOutcome>)] = []

    func append(_ bytes: [UInt8], from offset: Int = 0) { machine.append(bytes, from: offset) }
    func sent(_ count: Int) { machine.sent(count) }
    func finish() -> Bool { machine.finish() }
    func takeDueFinish() -> Bool { machine.takeDueFinish() }
    func refuse(_ error: ReactorError) { machine.refuse(error) }
    func fail(_ error: ReactorError) -> [Int] { machine.fail(error).map { number($0) } }

    func park(_ number: Int, below limit: Int = Outbound.mark) {
        let wait = RemoteWait<WriteOutcome>()
        waits.append((number, wait))
        let writer = Outbound.Writer(
            id: WaitID(UInt64(number)), waiter: .elsewhere(wait), below: limit)
        machine.park(writer)
    }

    func cancel(_ number: Int) -> Int? {
        machine.cancel(WaitID(UInt64(number))).map { self.number($0) }
    }

    /// The numbers of those who may go on now.
    func ready() -> [Int] {
        var numbers: [Int] = []
        while let waiter = machine.nextReady() { numbers.append(number(waiter)) }
        return numbers
    }

    /// Everything that waits to be sent.
    func front() -> [UInt8] {
        machine.front(limit: 1024).reduce(into: []) { $0 += $1.copy(prefix: $1.count) }
    }

    private func number(_ waiter: Waiter<WriteOutcome>) -> Int {
        guard case .elsewhere(let wait) = waiter else { return -1 }
        return waits.first { $0.wait === wait }?.number ?? -1
    }
}
