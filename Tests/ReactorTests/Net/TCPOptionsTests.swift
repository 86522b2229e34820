// Every option, set and read back from the kernel; every value that it would truncate, refused.

import Foundation
import Testing

@testable import Reactor

/// The kernel's `struct linger`.
private struct OnAndSeconds: ZeroInitializable {
    var on: Int32 = 0
    var seconds: Int32 = 0
    static var zero: Self { Self() }
}

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPOptionsTests {
    private let tcp = Int32(IPPROTO_TCP)

    /// A connection made with `options`, and what `read` finds on either end.
    private func both<Value>(
        _ options: TCPOptions, _ read: (Descriptor) throws -> Value
    ) async throws -> [Value] {
        let (client, server) = try await tcpPair(client: options, server: options)
        let values = [try read(client.descriptor), try read(server.descriptor)]
        await client.close()
        await server.close()
        return values
    }

    private func number(_ descriptor: Descriptor, _ level: Int32, _ name: Int32) throws -> Int32 {
        try descriptor.option(level, name)
    }

    @Test func `small writes go at once, unless asked not to`() async throws {
        let set = try await both(TCPOptions()) { try number($0, tcp, TCP_NODELAY) }
        #expect(set.allSatisfy { $0 != 0 })
        var options = TCPOptions()
        options.noDelay = false
        #expect(try await both(options) { try number($0, tcp, TCP_NODELAY) } == [0, 0])
    }

    @Test func `keep-alive probes have their times and count`() async throws {
        #expect(
            try await both(TCPOptions()) { try number($0, SOL_SOCKET, SO_KEEPALIVE) } == [0, 0])
        var options = TCPOptions()
        options.keepAlive = .init(
            idle: .seconds(30), interval: .milliseconds(4_200), count: 7)
        let found = try await both(options) {
            [
                try number($0, SOL_SOCKET, SO_KEEPALIVE), try number($0, tcp, TCP_KEEPIDLE),
                try number($0, tcp, TCP_KEEPINTVL), try number($0, tcp, TCP_KEEPCNT),
            ]
        }
        #expect(found == [[1, 30, 5, 7], [1, 30, 5, 7]])
    }

    @Test func `linger is set in seconds`() async throws {
        var options = TCPOptions()
        options.linger = .seconds(3)
        let found = try await both(options) {
            let value: OnAndSeconds = try $0.option(SOL_SOCKET, SO_LINGER)
            return [value.on, value.seconds]
        }
        #expect(found == [[1, 3], [1, 3]])
    }

    @Test func `buffer sizes are what was asked for, doubled by Linux`() async throws {
        var options = TCPOptions()
        options.receiveBufferBytes = 40_000
        options.sendBufferBytes = 30_000
        let found = try await both(options) {
            [try number($0, SOL_SOCKET, SO_RCVBUF), try number($0, SOL_SOCKET, SO_SNDBUF)]
        }
        #expect(found == [[80_000, 60_000], [80_000, 60_000]])
    }

    @Test func `the type of service is set, in either family`() async throws {
        var options = TCPOptions()
        options.typeOfService = 0x48
        let found = try await both(options) { try number($0, Int32(IPPROTO_IP), IP_TOS) }
        #expect(found == [0x48, 0x48])

        guard hasIPv6 else { return Skip.note("no IPv6 loopback") }
        let listener = try await TCPListener.bind(host: "::1", port: 0)
        let client = try await TCPStream.connect(to: listener.localAddress, options: options)
        let six = try number(client.descriptor, Int32(IPPROTO_IPV6), IPV6_TCLASS)
        #expect(six == 0x48)
        await client.close()
        listener.close()
    }

    @Test func `a client connects from the address it names`() async throws {
        var options = TCPOptions()
        options.localAddress = try SocketAddress("127.0.0.9:0")
        let (client, server) = try await tcpPair(client: options)
        #expect(client.localAddress.ip == "127.0.0.9")
        #expect(client.localAddress.port > 0)
        #expect(server.remoteAddress == client.localAddress)
        await client.close()
        await server.close()

        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        options.localAddress = listener.localAddress
        await expect(.addressInUse) {
            try await TCPStream.connect(to: listener.localAddress, options: options)
        }
        options.localAddress = try SocketAddress("192.0.2.7:0")
        await expect(.addressNotAvailable) {
            try await TCPStream.connect(to: listener.localAddress, options: options)
        }
        listener.close()
    }

    @Test func `a device is bound to by name`() async throws {
        var options = TCPOptions()
        options.device = "lo"
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        do {
            let client = try await TCPStream.connect(to: listener.localAddress, options: options)
            await client.close()
        } catch let error as ReactorError where error.code == .notPermitted {
            Skip.note("binding to a device is not permitted")
        }
        options.device = "no-such-device"
        let code = await failure {
            try await TCPStream.connect(to: listener.localAddress, options: options)
        }
        #expect(code == .init(rawValue: -ENODEV) || code == .notPermitted)
        listener.close()
    }

    @Test(
        arguments: [
            { $0.keepAlive = .init(idle: .zero) },
            { $0.keepAlive = .init(idle: .seconds(-1)) },
            { $0.keepAlive = .init(idle: .seconds(Int64.max)) },
            { $0.keepAlive = .init(interval: .zero) },
            { $0.keepAlive = .init(interval: .seconds(100_000)) },
            { $0.keepAlive = .init(count: 0) },
            { $0.keepAlive = .init(count: Int.max) },
            { $0.linger = .seconds(-1) },
            { $0.linger = .nanoseconds(-1) },
            { $0.linger = .seconds(Int64.max) },
            { $0.linger = .seconds(Int64.min) },
            { $0.receiveBufferBytes = 0 },
            { $0.receiveBufferBytes = Int.max },
            { $0.sendBufferBytes = -1 },
            { $0.sendBufferBytes = Int.min },
            { $0.device = "" },
            { $0.device = "a-name-too-long-for-any-device" },
            { $0.device = "lo\0" },
        ] as [@Sendable (inout TCPOptions) -> Void])
    func `a value that the kernel would truncate is refused`(
        _ change: @Sendable (inout TCPOptions) -> Void
    ) async throws {
        var options = TCPOptions()
        change(&options)
        await expect(.invalidArgument) {
            try await TCPListener.bind(to: .loopback(port: 0), options: options)
        }
        let connect = await failure {
            try await TCPStream.connect(to: .loopback(port: 9), options: options)
        }
        #expect(connect == .invalidArgument)
    }
}
