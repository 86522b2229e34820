// Datagrams as they are: whole, cut, empty, too large, one by one.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct UDPSocketTests {
    @Test(arguments: UDPCalls.allCases)
    func `a datagram goes there and back, in every form`(_ calls: UDPCalls) async throws {
        let (server, client) = try await udpPair(calls)
        #expect(client.remoteAddress == server.localAddress)
        #expect(server.remoteAddress == nil)
        try await client.send([1, 2, 3])
        let first = try await server.receive()
        #expect(first == Datagram([1, 2, 3], from: client.localAddress))
        try await server.send(first.bytes.span, to: first.from)
        var buffer = [UInt8](repeating: 9, count: 5)
        let header = try await client.receive(into: &buffer)
        #expect(header == .init(count: 3, from: server.localAddress, isTruncated: false))
        #expect(buffer == [1, 2, 3, 9, 9])
        try await client.send([4, 5].span)
        var span = buffer.mutableSpan
        #expect(try await server.receive(into: &span).count == 2)
        try await server.send("hello", to: client.localAddress)
        #expect(try await client.receive().bytes == Array("hello".utf8))
        try await client.send("again")
        #expect(try await server.receive(upTo: 5).bytes == Array("again".utf8))
    }

    @Test(arguments: UDPCalls.allCases)
    func `a receiver that waits gets what comes`(_ calls: UDPCalls) async throws {
        let (server, client) = try await udpPair(calls)
        for round in 0..<3 {
            let receiving = server.loop.spawn { try await server.receive().bytes }
            try await until { server.core.inbound.receiver != nil }
            try await client.send([UInt8(round)])
            #expect(try await receiving.value == [UInt8(round)])
            let into = server.loop.spawn {
                var buffer = [UInt8](repeating: 0, count: 4)
                let header = try await server.receive(into: &buffer)
                return Array(buffer.prefix(header.count))
            }
            try await until { server.core.inbound.receiver != nil }
            try await client.send([7, UInt8(round)])
            #expect(try await into.value == [7, UInt8(round)])
            let batch = server.loop.spawn { try await server.receiveBatch() }
            try await until { server.core.inbound.receiver != nil }
            try await client.send([8])
            #expect(try await batch.value.map(\.bytes) == [[8]])
        }
    }

    @Test(arguments: UDPCalls.allCases)
    func `a datagram without bytes is one, and no end`(_ calls: UDPCalls) async throws {
        let (server, client) = try await udpPair(calls)
        try await client.send([])
        try await client.send([1])
        try await client.sendBatch([.init([]), .init([2])])
        #expect(try await server.receive() == Datagram([], from: client.localAddress))
        var received: [[UInt8]] = []
        for try await datagram in server.datagrams {
            received.append(datagram.bytes)
            if received.count == 3 { break }
        }
        #expect(received == [[1], [], [2]])
    }

    @Test(arguments: UDPCalls.allCases)
    func `a sequence ends when the socket is closed here`(_ calls: UDPCalls) async throws {
        let (server, client) = try await udpPair(calls)
        let counting = server.loop.spawn {
            var count = 0
            for try await _ in server.datagrams { count += 1 }
            return count
        }
        for byte in 0..<10 { try await client.send([UInt8(byte)]) }
        try await until { try await server.statistics().received == 10 }
        try await until { server.core.inbound.receiver != nil }
        server.close()
        #expect(try await counting.value == 10)
    }

    @Test(arguments: UDPCalls.allCases, ["127.0.0.1", "::1"])
    func `the largest datagram arrives whole; a larger one is refused, its neighbours are not`(
        _ calls: UDPCalls, _ host: String
    ) async throws {
        if host == "::1", !hasIPv6 { return Skip.note("no IPv6 loopback") }
        let largest = host == "::1" ? 65_527 : 65_507
        let server = try await UDPSocket.bind(host: host, port: 0, options: calls.options)
        let client = try await UDPSocket.connect(
            to: server.localAddress, options: calls.options)
        let whole = Pattern.bytes(largest)
        let tooLarge = whole + [0]
        try await client.send([1])
        await expect(.messageTooLong) { try await client.send(tooLarge) }
        await expect(.messageTooLong) { try await client.send(tooLarge.span) }
        try await client.send(whole)
        #expect(try await server.receive().bytes == [1])
        let received = try await server.receive()
        #expect(received.bytes == whole)
        #expect(!received.isTruncated)
        // Together, the one in the middle.
        let report = try await client.sendBatch(
            [.init([2]), .init(tooLarge), .init([3]), .init(tooLarge), .init([4])])
        #expect(report.sent == 3)
        #expect(report.failures.map(\.index) == [1, 3])
        #expect(report.failures.allSatisfy { ReactorError.Code($0.error) == .messageTooLong })
        for byte in 2...4 { #expect(try await server.receive().bytes == [UInt8(byte)]) }
    }

    @Test(arguments: UDPCalls.allCases)
    func `what does not fit is cut and marked, and the next one is whole`(
        _ calls: UDPCalls
    ) async throws {
        let (server, client) = try await udpPair(calls)
        // The second time around the kernel has been asked for several at once.
        for _ in 0..<4 {
            for _ in 0..<6 { try await client.send(Pattern.bytes(100)) }
            var buffer = [UInt8](repeating: 0, count: 10)
            for _ in 0..<2 {
                let header = try await server.receive(into: &buffer)
                #expect(header.count == 10)
                #expect(header.isTruncated)
                #expect(buffer == Array(Pattern.bytes(100)[..<10]))
                let cut = try await server.receive(upTo: 99)
                #expect(cut.bytes == Array(Pattern.bytes(100)[..<99]))
                #expect(cut.isTruncated)
                let whole = try await server.receive(upTo: 100)
                #expect(whole == Datagram(Pattern.bytes(100), from: client.localAddress))
            }
        }
    }

    @Test(arguments: UDPCalls.allCases)
    func `order and bounds are kept, however it is received`(_ calls: UDPCalls) async throws {
        let (server, client) = try await udpPair(calls)
        var sizes = SeededGenerator(seed: 7)
        for round in 0..<20 {
            let sent = (0..<100).map { index in
                [UInt8](
                    repeating: UInt8(truncatingIfNeeded: index &+ round),
                    count: Int.random(in: 0...200, using: &sizes))
            }
            if round % 2 == 0 {
                for bytes in sent { try await client.send(bytes) }
            } else {
                let report = try await client.sendBatch(sent.map { .init($0) })
                #expect(report.sent == 100)
            }
            var received: [[UInt8]] = []
            var buffer = [UInt8](repeating: 0, count: 300)
            while received.count < 100 {
                switch (received.count + round) % 3 {
                case 0: received.append(try await server.receive().bytes)
                case 1:
                    let header = try await server.receive(into: &buffer)
                    received.append(Array(buffer.prefix(header.count)))
                default:
                    let batch = try await server.receiveBatch(upTo: 7)
                    #expect((1...7).contains(batch.count))
                    received += batch.map(\.bytes)
                }
            }
            #expect(received == sent)
        }
    }

    @Test func `a second receiver is turned away, the first is not disturbed`() async throws {
        let (server, client) = try await udpPair()
        let first = server.loop.spawn { try await server.receive().bytes }
        try await until { server.core.inbound.receiver != nil }
        await expect(.busy) { try await server.receive() }
        await expect(.busy) { try await server.receiveBatch() }
        await expect(.busy) {
            var buffer = [UInt8](repeating: 0, count: 1)
            return try await server.receive(into: &buffer)
        }
        let elsewhere = await Task.detached { await failure { try await server.receive() } }.value
        #expect(elsewhere == .busy)
        try await client.send([5])
        #expect(try await first.value == [5])
    }

    @Test func `nonsense is refused`() async throws {
        let (server, client) = try await udpPair()
        await expect(.invalidArgument) { try await server.receive(upTo: 0) }
        await expect(.invalidArgument) { try await server.receive(upTo: -1) }
        await expect(.invalidArgument) { try await server.receiveBatch(upTo: 0) }
        await expect(.invalidArgument) {
            var nothing: [UInt8] = []
            return try await server.receive(into: &nothing)
        }
        let empty = try await client.sendBatch([])
        #expect(empty.sent == 0)
        #expect(empty.failures.isEmpty)
        await expect(.invalidArgument) { try await UDPSocket.bind(host: "", port: 1) }
        await expect(.invalidArgument) { try await UDPSocket.bind(host: "127.0.0.1", port: -1) }
        await expect(.invalidArgument) { try await UDPSocket.connect(host: "::1", port: 65_536) }
        await expect(.invalidArgument) { try await UDPSocket.connect(host: "a\0b", port: 1) }
    }

    @Test func `a name is looked up`() async throws {
        let server = try await UDPSocket.bind(host: "localhost", port: 0)
        let client = try await UDPSocket.connect(
            host: "localhost", port: server.localAddress.port)
        try await client.send([1])
        #expect(try await server.receive().from == client.localAddress)
    }
}
