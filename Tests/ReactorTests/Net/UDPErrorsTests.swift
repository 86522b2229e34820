// What a datagram socket says of wrong addresses, of peers that are not there, and of its end.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct UDPErrorsTests {
    @Test(arguments: UDPCalls.allCases)
    func `a peer that is not there is told once, by a send or a receive`(
        _ calls: UDPCalls
    ) async throws {
        let nobody = try await deserted()
        let client = try await UDPSocket.connect(to: nobody, options: calls.options)
        for _ in 0..<3 {
            try await client.send([1])
            await expect(.connectionRefused) { try await client.send([2]) }
            try await client.send([3])
            await expect(.connectionRefused) { try await client.receive() }
            try await client.send([4])
            let report = try await client.sendBatch([.init([5])])
            #expect(report.sent == 0)
            #expect(ReactorError.Code(report.failures.first?.error) == .connectionRefused)
        }
        // Told while it waits.
        let waiting = client.loop.spawn { try await client.receive() }
        try await until { client.core.inbound.receiver != nil }
        try await client.send([6])
        await expect(.connectionRefused) { try await waiting.value }
        // Somebody comes, and all is well.
        let server = try await UDPSocket.bind(to: nobody, options: calls.options)
        try await client.send([7])
        #expect(try await server.receive().bytes == [7])
        try await server.send([8], to: client.localAddress)
        #expect(try await client.receive().bytes == [8])
    }

    @Test(arguments: UDPCalls.allCases)
    func `a server that answers those who have gone hears nothing of it`(
        _ calls: UDPCalls
    ) async throws {
        let (server, client) = try await udpPair(calls)
        let nobody = try await deserted()
        let receiving = server.loop.spawn { try await server.receive().bytes }
        try await until { server.core.inbound.receiver != nil }
        for _ in 0..<50 { try await server.send([1], to: nobody) }
        let report = try await server.sendBatch(
            (0..<50).map { .init([UInt8($0)], to: $0 % 2 == 0 ? nobody : client.localAddress) })
        #expect(report.sent == 50)
        try await client.send([2])
        #expect(try await receiving.value == [2])
        for byte in 0..<25 { #expect(try await client.receive().bytes == [UInt8(byte * 2 + 1)]) }
    }

    @Test(arguments: UDPCalls.allCases)
    func `a connected socket takes its peer's address and no other`(
        _ calls: UDPCalls
    ) async throws {
        let (server, client) = try await udpPair(calls)
        let other = try await deserted()
        let calls = client.core.statistics.sendCalls
        await expect(.alreadyConnected) { try await client.send([1], to: other) }
        let report = try await client.sendBatch(
            [.init([2]), .init([3], to: other), .init([4], to: server.localAddress)])
        #expect(report.sent == 2)
        #expect(report.failures.map(\.index) == [1])
        #expect(ReactorError.Code(report.failures.first?.error) == .alreadyConnected)
        try await client.send([5], to: server.localAddress)
        for byte in [2, 4, 5] { #expect(try await server.receive().bytes == [UInt8(byte)]) }
        #expect(client.core.statistics.sent == 3)
        #expect(client.core.statistics.sendCalls <= calls + 3)
    }

    @Test func `without an address, or with one of the other family, no call is made`() async throws
    {
        let (server, _) = try await udpPair()
        let six = try SocketAddress(ip: "::1", port: 9)
        let local = try SocketAddress(path: "/tmp/no-datagrams")
        await expect(.destinationRequired) { try await server.send([1]) }
        await expect(.destinationRequired) { try await server.send([1].span) }
        await expect(.familyNotSupported) { try await server.send([1], to: six) }
        await expect(.familyNotSupported) { try await server.send([1], to: local) }
        let report = try await server.sendBatch(
            [.init([1]), .init([2], to: six), .init([3], to: local)])
        #expect(report.sent == 0)
        #expect(
            report.failures.map { ReactorError.Code($0.error) }
                == [.destinationRequired, .familyNotSupported, .familyNotSupported])
        #expect(server.core.statistics.sendCalls == 0)
        await expect(.familyNotSupported) { try await UDPSocket.bind(to: local) }
        await expect(.familyNotSupported) { try await UDPSocket.connect(to: local) }
        var options = UDPOptions()
        options.localAddress = six
        await expect(.familyNotSupported) {
            try await UDPSocket.connect(to: .loopback(port: 9), options: options)
        }
    }

    @Test func `closing tells those who wait, and all who come later`() async throws {
        let (server, client) = try await udpPair()
        let receiving = server.loop.spawn { try await server.receive() }
        let elsewhere = client.loop.spawn {
            try await Task.detached { try await client.receive() }.value
        }
        try await until {
            server.core.inbound.receiver != nil && client.core.inbound.receiver != nil
        }
        server.close()
        client.close()
        client.close()
        await expect(.closed) { try await receiving.value }
        await expect(.closed) { try await elsewhere.value }
        await expect(.closed) { try await server.receive() }
        await expect(.closed) { try await server.receiveBatch() }
        await expect(.closed) { try await client.send([1]) }
        await expect(.closed) { try await client.sendBatch([.init([1])]) }
        await expect(.closed) {
            try await server.join(try SocketAddress(ip: "239.1.2.3", port: 0))
        }
        #expect(try await server.statistics().received == 0)
        // The port is free again, once no child that another test is starting has a copy.
        try await until {
            await failure(of: { try await UDPSocket.bind(to: server.localAddress) }) == nil
        }
    }

    /// libuv frees a handle that is closed in its own callback too early (PITFALLS D15).
    @Test(arguments: UDPCalls.allCases)
    func `it may be closed by whom it has just woken, with sends under way`(
        _ calls: UDPCalls
    ) async throws {
        for _ in 0..<50 {
            let (server, client) = try await udpPair(calls)
            let closing = server.loop.spawn {
                _ = try await server.receive()
                server.close()
            }
            let sending = server.loop.spawn {
                let many = (0..<5000).map { _ in
                    Datagram.Outgoing([1], to: client.localAddress)
                }
                _ = try await server.sendBatch(many)
            }
            try await until { server.core.inbound.receiver != nil }
            try await client.send([1])
            try await closing.value
            _ = await sending.result
            client.close()
        }
    }

    @Test func `an address in use is refused, and free when its owner is dropped`() async throws {
        var server: UDPSocket? = try await UDPSocket.bind(to: .loopback(port: 0))
        let address = server!.localAddress
        await expect(.addressInUse) { try await UDPSocket.bind(to: address) }
        server = nil
        // A child that another test is starting holds a copy until it runs its program.
        try await until { await failure(of: { try await UDPSocket.bind(to: address) }) == nil }
    }
}
