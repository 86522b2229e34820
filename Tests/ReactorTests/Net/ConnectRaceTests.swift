// Hosts with several addresses: who wins, who is closed, what the error says.

import CFaults
import Foundation
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ConnectRaceTests {
    private func connect(
        _ addresses: [SocketAddress], delay: Duration = .milliseconds(250)
    ) async throws -> TCPStream {
        var options = TCPOptions()
        options.attemptDelay = delay
        return try await TCPStream.connect(
            host: "example.test", port: 80, options: options,
            resolver: FixedResolver(answer: addresses))
    }

    @Test func `a dead first address delays a live second one by the attempt delay alone`()
        async throws
    {
        let family: SocketAddress.Family = hasIPv6Loopback() ? .ipv6 : .ipv4
        let (hole, open) = try blackhole(family)
        defer { for descriptor in open { descriptor.close() } }
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let start = ContinuousClock.now
        let client = try await connect([hole, listener.localAddress])
        #expect(ContinuousClock.now - start >= .milliseconds(250))
        #expect(client.remoteAddress == listener.localAddress)
        // The loser has gone with the race.
        let core = try #require(EventLoop.current).core
        #expect(!core.participants.all.contains { $0 is ConnectCore || $0 is ConnectRace })
        #expect(core.timers.count == 0)
        let server = try await listener.accept()
        try await client.write([1])
        #expect(try await server.read(upTo: 9) == [1])
        await client.close()
        await server.close()
        listener.close()
    }

    @Test func `a refusal begins the next attempt at once`() async throws {
        let (closed, socket) = try closedPort()
        defer { socket.close() }
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        // With a delay that nobody would wait for.
        let client = try await connect([closed, listener.localAddress], delay: .seconds(3_600))
        #expect(client.remoteAddress == listener.localAddress)
        await client.close()
        listener.close()
    }

    @Test func `localhost is IPv6 first, the server IPv4 only`() async throws {
        guard hasIPv6Loopback() else { return Skip.note("no IPv6 loopback") }
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let port = UInt16(listener.localAddress.port)
        let six = try SocketAddress("[::1]:\(port)")
        let client = try await connect([six, listener.localAddress], delay: .seconds(3_600))
        #expect(client.remoteAddress == listener.localAddress)
        await client.close()
        let other = try await TCPStream.connect(host: "localhost", port: Int(port))
        await other.close()
        listener.close()
    }

    @Test func `the error names each address and why it failed`() async throws {
        let (first, one) = try closedPort()
        let (second, two) = try closedPort()
        defer { for socket in [one, two] { socket.close() } }
        let error = await #expect(throws: ReactorError.self) {
            try await connect([first, second])
        }
        #expect(error?.code == .connectionRefused)
        for text in ["example.test:80", first.description, second.description, "ECONNREFUSED"] {
            #expect(error?.operation.contains(text) == true)
        }
    }

    @Test func `a resolver's own failure is passed on, its silence is an error`() async throws {
        struct Broken: Resolver {
            func addresses(of host: String, port: Int) async throws -> [SocketAddress] {
                throw Mishap()
            }
        }
        await #expect(throws: Mishap.self) {
            try await TCPStream.connect(host: "a", port: 1, resolver: Broken())
        }
        await #expect(throws: Mishap.self) {
            try await TCPListener.bind(host: "a", port: 1, resolver: Broken())
        }
        await expect(.hostHasNoAddress) { try await connect([]) }
        // A numeric host needs no resolver.
        let listener = try await TCPListener.bind(host: "127.0.0.1", port: 0, resolver: Broken())
        let client = try await TCPStream.connect(
            host: "127.0.0.1", port: listener.localAddress.port, resolver: Broken())
        await client.close()
        listener.close()
        await expect(.invalidArgument) {
            try await TCPStream.connect(host: "a", port: 0, resolver: Broken())
        }
        await expect(.invalidArgument) {
            try await TCPStream.connect(
                host: "a", port: 1,
                resolver: FixedResolver(answer: [try SocketAddress(path: "/x"), .loopback(port: 0)])
            )
        }
    }

    @Test func `all attempts end when the caller is cancelled`() async throws {
        let holes = try (0..<3).map { _ in try blackhole() }
        defer { for hole in holes { for descriptor in hole.1 { descriptor.close() } } }
        let addresses = holes.map(\.0)
        let loop = try #require(EventLoop.current)
        let race = loop.spawn { try await connect(addresses, delay: .milliseconds(10)) }
        try await until { loop.core.participants.all.count { $0 is ConnectCore } == 3 }
        race.cancel()
        await #expect(throws: CancellationError.self) { try await race.value }
        #expect(loop.core.participants.all.isEmpty && loop.core.timers.count == 0)
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(30)) {
                try await connect(addresses, delay: .milliseconds(10))
            }
        }
        #expect(loop.core.participants.all.isEmpty)
    }

    @Test func `a race under way fails when its loop shuts down`() async throws {
        let (hole, open) = try blackhole()
        defer { for descriptor in open { descriptor.close() } }
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let task = Task(executorPreference: loop) { try await connect([hole, .loopback(port: 9)]) }
        while try await loop.submit({ loop.core.participants.all.count < 2 }) {}
        await group.shutdown()
        await expect(.loopClosed) { try await task.value }
    }

    @Test(.tags(.slow), arguments: [UInt64(21), 22])
    func `races cancelled at any moment leave nothing`(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let (hole, open) = try blackhole()
        let (closed, socket) = try closedPort()
        defer { for descriptor in open + [socket] { descriptor.close() } }
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let loop = listener.loop
        let accepting = loop.spawn {
            for try await stream in listener.connections { stream.abort() }
        }
        let live = listener.localAddress
        let orders = [
            [hole, live], [closed, hole, live], [closed, live], [hole, closed], [live],
        ]
        for round in 0..<400 {
            let addresses = orders.randomElement(using: &random)!
            let attempt =
                round % 2 == 0
                ? loop.spawn { try await connect(addresses, delay: .milliseconds(10)) }
                : Task { try await connect(addresses, delay: .milliseconds(10)) }
            if round % 8 == 0 { try await EventLoop.sleep(for: .milliseconds(11)) }
            for _ in 0..<Int.random(in: 0..<8, using: &random) { await Task.yield() }
            attempt.cancel()
            if let stream = try? await attempt.value { stream.abort() }
        }
        listener.close()
        try await accepting.value
    }

    @Test func `losers, failures and cancelled races leave no socket open`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let (hole, open) = try blackhole()
                let (closed, socket) = try closedPort()
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                let live = listener.localAddress
                var options = TCPOptions()
                options.attemptDelay = .milliseconds(10)
                for addresses in [[hole, live], [closed, live], [hole, closed, live]] {
                    for _ in 0..<10 {
                        let stream = try await TCPStream.connect(
                            host: "x", port: 1, options: options,
                            resolver: FixedResolver(answer: addresses))
                        await stream.close()
                        try await listener.accept().abort()
                    }
                }
                await expect(.connectionRefused) {
                    try await TCPStream.connect(
                        host: "x", port: 1, resolver: FixedResolver(answer: [closed, closed]))
                }
                faults_fail(FAULTS_CONNECT, ENETUNREACH, 2)
                await expect(.networkUnreachable) {
                    try await TCPStream.connect(
                        host: "x", port: 1, resolver: FixedResolver(answer: [live, hole]))
                }
                for descriptor in open + [socket] { descriptor.close() }
                listener.close()
            }
        }
    }
}
