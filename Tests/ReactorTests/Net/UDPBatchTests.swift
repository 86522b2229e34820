// Many datagrams with few system calls: each sent once or failed once, and all the same ones.

import CFaults
import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct UDPBatchTests {
    /// Sizes that can and cannot share a message: runs of one size, a shorter end, none at all.
    private static func mixture(_ seed: UInt64) -> [[UInt8]] {
        var random = SeededGenerator(seed: seed)
        var all: [[UInt8]] = []
        while all.count < 300 {
            let size = [0, 1, 64, 1000, 1472, 9000].randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...90, using: &random) {
                all.append([UInt8](repeating: UInt8(truncatingIfNeeded: all.count), count: size))
            }
            if Bool.random(using: &random), size > 1 { all.append([7]) }
        }
        return all
    }

    @Test(arguments: UDPCalls.allCases, [UInt64(1), 2, 3, 4])
    func `a mixture of sizes arrives as it was sent`(
        _ calls: UDPCalls, _ seed: UInt64
    ) async throws {
        let (server, client) = try await udpPair(calls)
        let all = Self.mixture(seed)
        var received: [[UInt8]] = []
        // In portions that the kernel's buffer surely holds.
        for start in stride(from: 0, to: all.count, by: 10) {
            let portion = all[start..<min(start + 10, all.count)]
            let report = try await client.sendBatch(portion.map { .init($0) })
            #expect(report.sent == portion.count)
            let expected = received.count + portion.count
            while received.count < expected {
                received += try await server.receiveBatch().map(\.bytes)
            }
        }
        #expect(received == all)
        let statistics = try await client.statistics()
        #expect(statistics.sent == all.count)
        if calls == .singly { #expect(statistics.segmentedCalls == 0) }
    }

    @Test func `neighbours of one size for one address leave as one`() async throws {
        let (server, client) = try await udpPair()
        guard client.core.segments else { return Skip.note("no UDP_SEGMENT") }
        let other = try await UDPSocket.bind(to: .loopback(port: 0))
        let sent = (0..<64).map { Datagram.Outgoing([UInt8($0), 1]) }
        #expect(try await client.sendBatch(sent).sent == 64)
        #expect(try await client.statistics().sendCalls == 1)
        #expect(try await client.statistics().segmentedCalls == 1)
        let received = try await server.receiveBatch()
        #expect(received.map(\.bytes) == sent.map(\.bytes))
        // To each its own: nothing is mixed up where addresses alternate.
        let replies = (0..<64).map { index in
            Datagram.Outgoing(
                [UInt8(index)],
                to: index % 3 == 0 ? other.localAddress : client.localAddress)
        }
        #expect(try await server.sendBatch(replies).sent == 64)
        let others = try await other.receiveBatch().map { $0.bytes[0] }
        let thirds: [UInt8] = (0..<64).filter { $0 % 3 == 0 }
        #expect(others == thirds)
        let rest = try await client.receiveBatch().map { $0.bytes[0] }
        let two: [UInt8] = (0..<64).filter { $0 % 3 != 0 }
        #expect(rest == two)
    }

    /// More than one call, and more than one stretch of them.
    @Test(arguments: UDPCalls.allCases)
    func `a batch of any size leaves`(_ calls: UDPCalls) async throws {
        let (server, client) = try await udpPair(calls)
        let report = try await client.sendBatch(
            (0..<10_000).map { .init([UInt8(truncatingIfNeeded: $0)]) })
        #expect(report.sent == 10_000)
        #expect(report.failures.isEmpty)
        // As many as the kernel had room for, and a count of the rest.
        let statistics = try await server.statistics()
        let dropped = try #require(statistics.dropped)
        var received = 0
        while received + dropped < 10_000 { received += try await server.receiveBatch().count }
        #expect(received + dropped == 10_000)
        #expect(received > 0)
    }

    @Test func `what nobody receives stays with the kernel, which drops and counts`() async throws {
        let (server, client) = try await udpPair { $0.receiveBufferBytes = 65_536 }
        let batch = (0..<1_000).map { _ in Datagram.Outgoing([UInt8](repeating: 1, count: 100)) }
        for _ in 0..<100 { try await client.sendBatch(batch) }
        try await turnLoop()
        let statistics = try await server.statistics()
        #expect(statistics.received == 0)
        #expect(server.core.inbound.storedCount == 0)
        let dropped = try #require(statistics.dropped)
        #expect(dropped > 90_000)
        // Nor is the loop told of it again and again.
        #expect(try await server.receive().bytes.count == 100)
        _ = try await server.receiveBatch()
        try await expectNoSpin()
    }

    @Test(arguments: UDPCalls.allCases)
    func `a flood holds nothing else up`(_ calls: UDPCalls) async throws {
        let (server, client) = try await udpPair(calls)
        // Both send back whatever comes: there is always more.
        func bounce(_ socket: UDPSocket) -> Task<Void, any Error> {
            socket.loop.spawn {
                while true {
                    let datagram = try await socket.receive()
                    try await socket.send(datagram.bytes, to: datagram.from)
                }
            }
        }
        let bouncing = [bounce(server), bounce(client)]
        for byte in 0..<100 { try await client.send([UInt8(byte)]) }
        for _ in 0..<5 { try await EventLoop.sleep(for: .milliseconds(2)) }
        let (near, far) = try await tcpPair()
        try await near.write([1])
        #expect(try await far.read(upTo: 1) == [1])
        // One that only sends gives way as well.
        let sending = server.loop.spawn {
            while true { try await server.send([1], to: server.localAddress) }
        }
        for _ in 0..<5 { try await EventLoop.sleep(for: .milliseconds(2)) }
        for task in bouncing + [sending] { task.cancel() }
        for task in bouncing + [sending] { _ = await task.result }
        await near.close()
        await far.close()
    }

    @Test(arguments: UDPCalls.allCases)
    func `ten thousand sends with hardly a buffer are each sent`(
        _ calls: UDPCalls
    ) async throws {
        let (server, client) = try await udpPair(calls) { $0.sendBufferBytes = 1 }
        let receiving = server.loop.spawn {
            var count = 0
            for try await datagram in server.datagrams where !datagram.bytes.isEmpty { count += 1 }
            return count
        }
        try await withThrowingTaskGroup { group in
            for index in 0..<100 {
                group.addTask {
                    for _ in 0..<100 {
                        try await client.send([UInt8](repeating: UInt8(index), count: 500))
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await client.statistics().sent == 10_000)
        try await turnLoop()
        let statistics = try await server.statistics()
        #expect(statistics.received + (statistics.dropped ?? 0) == 10_000)
        server.close()
        #expect(try await receiving.value == statistics.received)
    }
}
