// The receiving half of a datagram socket: arrivals, receiver, end, in any order.

import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct DatagramInboundTests {
    private let sender = SocketAddress.loopback(port: 9)

    /// Stores datagrams as if they had come with one that was asked for.
    private func store(_ datagrams: [[UInt8]], in inbound: inout DatagramInbound) {
        for bytes in datagrams {
            inbound.store(BorrowedMemory(keptAlive: bytes), from: sender, isTruncated: false)
        }
    }

    private func receive(
        _ target: DatagramInbound.Target, _ inbound: inout DatagramInbound
    ) -> ReceiveOutcome? {
        inbound.receive(target, operation: { "receive" })
    }

    @Test func `what was received ahead comes first, in order`() throws {
        var inbound = DatagramInbound()
        #expect(receive(.array(max: 9), &inbound).isNone)
        store([[1], [], [2, 3], [4, 5, 6]], in: &inbound)
        #expect(inbound.storedCount == 4)
        #expect(try receive(.array(max: 9), &inbound)?.datagram().bytes == [1])
        #expect(try receive(.batch(max: 2), &inbound)?.batch().map(\.bytes) == [[], [2, 3]])
        let memory = BorrowedMemory.allocate(count: 2)
        defer { memory.deallocate() }
        let header = try receive(.memory(memory), &inbound)?.header()
        #expect(header == .init(count: 2, from: sender, isTruncated: true))
        #expect(memory.copy(prefix: 2) == [4, 5])
        #expect(inbound.storedCount == 0)
        #expect(receive(.batch(max: 9), &inbound).isNone)
    }

    @Test func `a cancellation that comes late meets nothing`() async {
        let wait = RemoteWait<ReceiveOutcome>()
        let id = WaitID(1)
        let outcome = await wait.suspend {
            var inbound = DatagramInbound()
            inbound.park(.init(id: id, target: .batch(max: 1), waiter: .elsewhere(wait)))
            #expect(receive(.array(max: 1), &inbound)?.code == .busy)
            #expect(inbound.cancel(WaitID(2)).isNone)
            let waiter = inbound.cancel(id)
            #expect(inbound.cancel(id).isNone)
            #expect(inbound.takeReceiver().isNone)
            waiter?.resume(.cancelled)
        }
        #expect(throws: CancellationError.self) { try outcome.datagram() }
    }

    @Test func `closing forgets what came and refuses everything`() {
        var inbound = DatagramInbound()
        store([[1], [2]], in: &inbound)
        #expect(inbound.close(ReactorError(.closed, "receive")).isNone)
        #expect(inbound.storedCount == 0)
        for _ in 0..<2 { #expect(receive(.batch(max: 1), &inbound)?.code == .closed) }
    }

    @Test func `the more there is the more is asked for, within bounds`() {
        var inbound = DatagramInbound()
        let target = DatagramInbound.Target.array(max: 1)
        #expect(inbound.want(for: target) == 2)
        for _ in 0..<10 {
            let want = inbound.want(for: target)
            inbound.brought(want, of: want, largest: 64)
            #expect(inbound.mayHaveMore)
        }
        #expect(inbound.want(for: target) == DatagramInbound.depthLimit)
        // Large ones: no more of them than 64 KiB ahead.
        inbound.brought(32, of: 32, largest: 20_000)
        #expect(inbound.want(for: target) == 3)
        inbound.brought(3, of: 3, largest: 65_507)
        #expect(inbound.want(for: target) == 1)
        inbound.brought(1, of: 1, largest: 0)
        #expect(inbound.want(for: target) == 2)
        inbound.brought(1, of: 2, largest: 64)
        #expect(!inbound.mayHaveMore)
        inbound.foundNothing()
        #expect(inbound.want(for: target) == 2)
        #expect(inbound.want(for: .batch(max: 9)) == 9)
        #expect(inbound.want(for: .batch(max: .max)) == DatagramLanding.slots)
    }

    /// Against a list that does the same without thinking.
    @Test(arguments: [UInt64(11), 12, 13, 14])
    func `any order of arrivals and receives gives what came`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var inbound = DatagramInbound()
        var model: [[UInt8]] = []
        let memory = BorrowedMemory.allocate(count: 50)
        defer { memory.deallocate() }
        for step in 0..<2_000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let bytes = [UInt8](
                    repeating: UInt8(truncatingIfNeeded: step),
                    count: Int.random(in: 0...100, using: &random))
                store([bytes], in: &inbound)
                model.append(bytes)
            case 1:
                let max = Int.random(in: 1...100, using: &random)
                let datagram = try receive(.array(max: max), &inbound)?.datagram()
                #expect(datagram?.bytes == model.first.map { Array($0.prefix(max)) })
                if let first = model.first {
                    #expect(datagram?.isTruncated == (first.count > max))
                    model.removeFirst()
                }
            case 2:
                let header = try receive(.memory(memory), &inbound)?.header()
                #expect(header?.count == model.first.map { min($0.count, 50) })
                if !model.isEmpty {
                    #expect(memory.copy(prefix: header!.count) == Array(model[0].prefix(50)))
                    model.removeFirst()
                }
            default:
                let max = Int.random(in: 1...5, using: &random)
                let batch = try receive(.batch(max: max), &inbound)?.batch() ?? []
                #expect(batch.map(\.bytes) == Array(model.prefix(max)))
                model.removeFirst(batch.count)
            }
            #expect(inbound.storedCount == model.count)
        }
    }
}

extension Optional {
    /// `nil`, of what cannot be compared.
    fileprivate var isNone: Bool { if case .none = self { true } else { false } }
}

extension ReceiveOutcome {
    fileprivate var code: ReactorError.Code? {
        if case .failed(let error) = self { error.code } else { nil }
    }
}
