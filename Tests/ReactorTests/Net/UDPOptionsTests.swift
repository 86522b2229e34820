// Every option, set and read back from the kernel or seen at work; every wrong value, refused.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct UDPOptionsTests {
    private func bound(
        _ host: String = "127.0.0.1", _ change: (inout UDPOptions) -> Void
    ) async throws -> UDPSocket {
        var options = UDPOptions()
        change(&options)
        return try await UDPSocket.bind(host: host, port: 0, options: options)
    }

    private func number(_ socket: UDPSocket, _ level: Int32, _ name: Int32) throws -> Int32 {
        try socket.core.descriptor.option(level, name)
    }

    @Test func `IPv4 options reach the kernel`() async throws {
        let ip = Int32(IPPROTO_IP)
        let socket = try await bound {
            $0.timeToLive = 7
            $0.multicastTimeToLive = 0
            $0.multicastLoopback = false
            $0.typeOfService = 0x10
            $0.receiveBufferBytes = 8192
            $0.sendBufferBytes = 16_384
            $0.allowsBroadcast = true
        }
        #expect(try number(socket, ip, IP_TTL) == 7)
        #expect(try number(socket, ip, IP_MULTICAST_TTL) == 0)
        #expect(try number(socket, ip, IP_MULTICAST_LOOP) == 0)
        #expect(try number(socket, ip, IP_TOS) == 0x10)
        #expect(try number(socket, SOL_SOCKET, SO_RCVBUF) == 16_384)
        #expect(try number(socket, SOL_SOCKET, SO_SNDBUF) == 32_768)
        #expect(try number(socket, SOL_SOCKET, SO_BROADCAST) == 1)
        let plain = try await bound { _ in }
        #expect(try number(plain, SOL_SOCKET, SO_BROADCAST) == 0)
        #expect(try number(plain, SOL_SOCKET, SO_REUSEADDR) == 0)
    }

    @Test func `IPv6 options reach the kernel`() async throws {
        guard hasIPv6 else { return Skip.note("no IPv6 loopback") }
        let ipv6 = Int32(IPPROTO_IPV6)
        let socket = try await bound("::1") {
            $0.timeToLive = 9
            $0.multicastTimeToLive = 3
            $0.multicastLoopback = false
            $0.typeOfService = 0x20
            $0.ipv6Only = true
        }
        #expect(try number(socket, ipv6, IPV6_UNICAST_HOPS) == 9)
        #expect(try number(socket, ipv6, IPV6_MULTICAST_HOPS) == 3)
        #expect(try number(socket, ipv6, IPV6_MULTICAST_LOOP) == 0)
        #expect(try number(socket, ipv6, IPV6_TCLASS) == 0x20)
        #expect(try number(socket, ipv6, IPV6_V6ONLY) == 1)
    }

    @Test(
        arguments: [
            { $0.timeToLive = 0 },
            { $0.timeToLive = 256 },
            { $0.timeToLive = Int.min },
            { $0.multicastTimeToLive = -1 },
            { $0.multicastTimeToLive = Int.max },
            { $0.multicastInterface = "no-such-interface" },
            { $0.multicastInterface = "lo\0" },
            { $0.receiveBufferBytes = 0 },
            { $0.sendBufferBytes = Int.max },
            { $0.device = "" },
        ] as [@Sendable (inout UDPOptions) -> Void])
    func `a value that cannot be is refused`(
        _ change: @Sendable (inout UDPOptions) -> Void
    ) async throws {
        await expect(.invalidArgument) { try await bound { change(&$0) } }
    }

    @Test func `a broadcast needs the option`() async throws {
        let anywhere = try SocketAddress(ip: "255.255.255.255", port: 9)
        let shy = try await bound("0.0.0.0") { _ in }
        await expect(.accessDenied) { try await shy.send([1], to: anywhere) }
        let report = try await shy.sendBatch([.init([1], to: anywhere)])
        #expect(ReactorError.Code(report.failures.first?.error) == .accessDenied)
        // A machine with no network but loopback has no route for it, which is another matter.
        let loud = try await bound("0.0.0.0") { $0.allowsBroadcast = true }
        let code = await failure { try await loud.send([1], to: anywhere) }
        #expect(code == nil || code == .networkUnreachable)
        // On loopback there is one.
        let server = try await UDPSocket.bind(host: "0.0.0.0", port: 0)
        let all = try SocketAddress(ip: "127.255.255.255", port: server.localAddress.port)
        try await loud.send([2], to: all)
        #expect(try await server.receive().bytes == [2])
    }

    @Test func `one port for two needs the option of both, and both receive`() async throws {
        let first = try await bound { $0.reusePort = true }
        await expect(.addressInUse) { try await UDPSocket.bind(to: first.localAddress) }
        var options = UDPOptions()
        options.reusePort = true
        let second = try await UDPSocket.bind(to: first.localAddress, options: options)
        // The kernel chooses by the sender's port: many of those reach both.
        for byte in 0..<64 {
            let client = try await UDPSocket.connect(to: first.localAddress)
            try await client.send([UInt8(byte)])
        }
        let firstBatch = try await first.receiveBatch(upTo: 64)
        let secondBatch = try await second.receiveBatch(upTo: 64)
        #expect(!firstBatch.isEmpty && !secondBatch.isEmpty)
        let all = (firstBatch + secondBatch).map { $0.bytes[0] }
        #expect(all.sorted() == Array(0..<64))
    }

    @Test func `an IPv6 socket takes IPv4 too, unless asked not to`() async throws {
        guard hasIPv6 else { return Skip.note("no IPv6 loopback") }
        let dual = try await bound("::") { _ in }
        let port = dual.localAddress.port
        let four = try await UDPSocket.connect(to: .loopback(port: UInt16(port)))
        let six = try await UDPSocket.connect(host: "::1", port: port)
        try await four.send([4])
        let fromFour = try await dual.receive()
        #expect(fromFour.from.ip == "::ffff:127.0.0.1")
        try await six.send([6])
        let fromSix = try await dual.receive()
        try await dual.sendBatch([fromFour.reply([44]), fromSix.reply([66])])
        #expect(try await four.receive().bytes == [44])
        #expect(try await six.receive().bytes == [66])
        let strict = try await bound("::") { $0.ipv6Only = true }
        // Where no other test is bound, who may have got the number.
        let refused = try await UDPSocket.connect(
            to: SocketAddress("127.0.0.6:\(strict.localAddress.port)"))
        try await refused.send([4])
        await expect(.connectionRefused) { try await refused.receive() }
    }

    @Test(arguments: [false, true])
    func `a group's datagrams come from joining to leaving`(isSix: Bool) async throws {
        if isSix, !hasIPv6 { return Skip.note("no IPv6 loopback") }
        // One that another run of these tests, on the same machine, has not joined.
        let (high, low) = (Int.random(in: 16...254), Int.random(in: 1...254))
        let group = isSix ? "ff02::\(high):\(low)" : "239.255.\(high).\(low)"
        let host = isSix ? "::" : "0.0.0.0"
        let receiver = try await bound(host) { $0.reuseAddress = true }
        let sender = try await bound(host) { $0.multicastInterface = "lo" }
        let address = try SocketAddress(
            ip: isSix ? "\(group)%lo" : group, port: receiver.localAddress.port)
        let own = try SocketAddress(
            ip: isSix ? "::1" : "127.0.0.1", port: receiver.localAddress.port)
        try await receiver.join(address, on: "lo")
        await expect(.addressInUse) { try await receiver.join(address, on: "lo") }
        // Two receivers on one address both get it.
        var options = UDPOptions()
        options.reuseAddress = true
        let other = try await UDPSocket.bind(to: receiver.localAddress, options: options)
        try await other.join(address, on: "lo")
        let code = await failure { try await sender.send([1], to: address) }
        if code == .networkUnreachable { return Skip.note("no route for multicasts") }
        #expect(code == nil)
        #expect(try await receiver.receive().bytes == [1])
        #expect(try await other.receive().bytes == [1])
        try await receiver.leave(address, on: "lo")
        try await other.leave(address, on: "lo")
        try await sender.send([2], to: address)
        other.close()
        try await sender.send([3], to: own)
        #expect(try await receiver.receive().bytes == [3])
        await expect(.addressNotAvailable) { try await receiver.leave(address, on: "lo") }
    }

    @Test func `what is no group, no interface or another family is refused`() async throws {
        let socket = try await bound { _ in }
        await expect(.refusedArgument) {
            try await socket.join(try SocketAddress(ip: "10.0.0.1", port: 0))
        }
        await expect(.familyNotSupported) {
            try await socket.join(try SocketAddress(ip: "ff02::1", port: 0))
        }
        await expect(.invalidArgument) {
            try await socket.join(try SocketAddress(ip: "239.1.1.1", port: 0), on: "nowhere0")
        }
    }

    @Test func `it connects from the address it was given`() async throws {
        let server = try await UDPSocket.bind(to: .loopback(port: 0))
        var options = UDPOptions()
        options.localAddress = try SocketAddress(ip: "127.0.0.9", port: 0)
        let client = try await UDPSocket.connect(to: server.localAddress, options: options)
        try await client.send([1])
        #expect(try await server.receive().from.ip == "127.0.0.9")
    }
}
