// Look-ups that hang: who shares them, who is let go, what goes on beside them.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SharedLookupsTests {
    /// Answers once the gate of the host is open: names that begin with `slow` wait.
    private func resolver(
        _ gate: Gate, threads: Int = 16, asked: Record<String> = Record()
    ) -> SystemResolver {
        SystemResolver(maxThreads: threads) { question throws(ReactorError) in
            asked.add(question.host)
            if question.host.hasPrefix("slow") { gate.waitBlocking() }
            if question.host.hasSuffix("bad") { throw ReactorError(.hostNotFound, "look up") }
            return [.loopback(port: 0)]
        } findName: { address throws(ReactorError) in
            asked.add(address.ip)
            gate.waitBlocking()
            return "name"
        }
    }

    @Test func `those who ask the same share one call, each with a port of its own`() async throws {
        let gate = Gate()
        let asked = Record<String>()
        let resolver = resolver(gate, asked: asked)
        let loop = try #require(EventLoop.current)
        let askers = (1...1000).map { port in
            port % 2 == 0
                ? loop.spawn { try await resolver.addresses(of: "slow", port: port) }
                : Task { try await resolver.addresses(of: "slow", port: port) }
        }
        try await until { resolver.statistics.shared == 999 }
        #expect(resolver.statistics.inFlight == 1)
        gate.open()
        for (index, asker) in askers.enumerated() {
            #expect(try await asker.value == [.loopback(port: UInt16(index + 1))])
        }
        #expect(asked.all == ["slow"])
        #expect(resolver.statistics == .init(calls: 1, shared: 999))
    }

    @Test func `other families, flags and services are other calls`() async throws {
        let gate = Gate()
        let resolver = resolver(gate)
        let loop = try #require(EventLoop.current)
        let askers = [
            loop.spawn { try await resolver.addresses(of: "slow", port: 1) },
            loop.spawn { try await resolver.addresses(of: "slow", port: 1, family: .ipv4) },
            loop.spawn { try await resolver.addresses(of: "slow", port: 1, family: .ipv6) },
            loop.spawn {
                try await resolver.addresses(
                    of: "slow", port: 1, family: nil, flags: .onlyConfigured)
            },
            loop.spawn { try await resolver.addresses(of: "slow", service: "http") },
            loop.spawn { try await resolver.addresses(of: "slower", port: 1) },
        ]
        let names = [
            loop.spawn { try await resolver.name(of: .loopback(port: 1)) },
            loop.spawn { try await resolver.name(of: .loopback(port: 2)) },
        ]
        try await until { resolver.statistics.calls == 7 }
        #expect(resolver.statistics.shared == 1)
        gate.open()
        for asker in askers { _ = try await asker.value }
        for name in names { #expect(try await name.value == "name") }
    }

    @Test func `an error is everybody's`() async throws {
        let gate = Gate()
        let resolver = resolver(gate)
        let loop = try #require(EventLoop.current)
        let askers = (0..<3).map { _ in
            loop.spawn { try await resolver.addresses(of: "slow-bad", port: 1) }
        }
        try await until { resolver.statistics.shared == 2 }
        gate.open()
        for asker in askers { await expect(.hostNotFound) { try await asker.value } }
        #expect(resolver.statistics.inFlight == 0)
    }

    @Test func `a cancelled asker leaves at once, the others get their answer`() async throws {
        let gate = Gate()
        let resolver = resolver(gate)
        let loop = try #require(EventLoop.current)
        let first = loop.spawn { try await resolver.addresses(of: "slow", port: 1) }
        let second = Task { try await resolver.addresses(of: "slow", port: 2) }
        try await until { resolver.statistics.shared == 1 && resolver.statistics.calls == 1 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(resolver.statistics.abandoned == 0)
        gate.open()
        #expect(try await second.value == [.loopback(port: 2)])
    }

    @Test func `a call that everybody has left is counted, and may be joined`() async throws {
        let gate = Gate()
        let resolver = resolver(gate)
        let loop = try #require(EventLoop.current)
        let askers = (0..<3).map { _ in
            loop.spawn { try await resolver.addresses(of: "slow", port: 1) }
        }
        try await until { resolver.statistics.shared == 2 && resolver.statistics.calls == 1 }
        for asker in askers { asker.cancel() }
        for asker in askers {
            await #expect(throws: CancellationError.self) { try await asker.value }
        }
        #expect(resolver.statistics == .init(inFlight: 1, abandoned: 1, calls: 1, shared: 2))
        #expect(resolver.poolStatistics.abandoned == 1)
        let late = loop.spawn { try await resolver.addresses(of: "slow", port: 9) }
        try await until { resolver.statistics.abandoned == 0 }
        try await until { resolver.poolStatistics.abandoned == 0 }
        gate.open()
        #expect(try await late.value == [.loopback(port: 9)])
        #expect(resolver.statistics == .init(calls: 1, shared: 3))
    }

    @Test func `a call without a thread that everybody has left is never made`() async throws {
        let gate = Gate()
        let asked = Record<String>()
        let resolver = resolver(gate, threads: 1, asked: asked)
        let loop = try #require(EventLoop.current)
        let hanging = loop.spawn { try await resolver.addresses(of: "slow", port: 1) }
        try await until { resolver.statistics.calls == 1 }
        let queued = loop.spawn { try await resolver.addresses(of: "quick", port: 1) }
        try await until { resolver.statistics.inFlight == 2 }
        queued.cancel()
        await #expect(throws: CancellationError.self) { try await queued.value }
        #expect(resolver.statistics.inFlight == 1)
        gate.open()
        _ = try await hanging.value
        try await until { resolver.poolStatistics.running == 0 }
        #expect(asked.all == ["slow"])
        #expect(resolver.poolStatistics.queued == 0)
    }

    @Test func `ten look-ups that hang hold up no other, and no blocking work`() async throws {
        let gate = Gate()
        let resolver = resolver(gate)
        let loop = try #require(EventLoop.current)
        let hanging = (0..<10).map { number in
            loop.spawn { try await resolver.addresses(of: "slow\(number)", port: 1) }
        }
        try await until { resolver.statistics.calls == 10 }
        #expect(try await blocking { 7 } == 7)
        #expect(try await resolver.addresses(of: "quick", port: 3) == [.loopback(port: 3)])
        #expect(
            try await SystemResolver.shared.addresses(of: "localhost", port: 1).isEmpty == false)
        for task in hanging.dropFirst() { task.cancel() }
        gate.open()
        #expect(try await hanging[0].value == [.loopback(port: 1)])
        for task in hanging.dropFirst() { _ = await task.result }
    }

    @Test func `a loop that shuts down does not wait for its look-ups`() async throws {
        let gate = Gate()
        let resolver = resolver(gate)
        let group = try EventLoopGroup(count: 1)
        let task = group.loops[0].spawn { try await resolver.addresses(of: "slow", port: 1) }
        let connecting = group.loops[0].spawn {
            try await TCPStream.connect(host: "slow", port: 1, resolver: resolver)
        }
        // One that nobody cancels.
        let loop = group.loops[0]
        let left = Task(executorPreference: loop) {
            try await resolver.addresses(of: "slow", port: 1)
        }
        try await until { resolver.statistics.shared == 2 && resolver.statistics.calls == 1 }
        #expect(await group.shutdown().map(\.holdups) == [[]])
        await #expect(throws: CancellationError.self) { try await task.value }
        await #expect(throws: CancellationError.self) { try await connecting.value }
        await expect(.loopClosed) { try await left.value }
        // The answer meets nobody.
        gate.open()
        try await until { resolver.statistics.inFlight == 0 }
    }

    @Test(.tags(.slow), arguments: [UInt64(5), 6])
    func `askers cancelled at any moment leave nothing`(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let resolver = SystemResolver(maxThreads: 2) { _ throws(ReactorError) in
            spin(20_000)
            return [.loopback(port: 0)]
        } findName: { _ throws(ReactorError) in
            ""
        }
        let loop = try #require(EventLoop.current)
        var ends = (ok: 0, cancelled: 0)
        for _ in 0..<500 {
            let tasks = (0..<8).map { number in
                number % 2 == 0
                    ? loop.spawn { try await resolver.addresses(of: "n\(number / 3)", port: 1) }
                    : Task { try await resolver.addresses(of: "n\(number / 3)", port: 1) }
            }
            for _ in 0..<Int.random(in: 0..<4, using: &random) { await Task.yield() }
            spin(Int.random(in: 0..<30_000, using: &random))
            for task in tasks where Bool.random(using: &random) { task.cancel() }
            for task in tasks {
                do {
                    #expect(try await task.value == [.loopback(port: 1)])
                    ends.ok += 1
                } catch is CancellationError { ends.cancelled += 1 }
            }
        }
        #expect(ends.ok > 0 && ends.cancelled > 0)
        try await until { resolver.statistics.inFlight == 0 }
        try await until {
            resolver.poolStatistics.running == 0 && resolver.poolStatistics.queued == 0
        }
        #expect(resolver.poolStatistics.abandoned == 0)
    }
}
