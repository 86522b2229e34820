// Work that keeps its loop from everything else is reported by name.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SlowJobsTests {
    /// What a loop has reported while `body` ran.
    private func reports(
        of loop: EventLoop, over limit: Duration = .milliseconds(20),
        _ body: () async throws -> Void
    ) async throws -> [String] {
        let record = Record<String>()
        loop.core.slowJobs.hook = { record.add($0) }
        defer { loop.core.slowJobs.hook = nil }
        loop.reportSlowJobs(over: limit)
        // What was before is not counted in.
        try await EventLoop.sleep(for: .milliseconds(1))
        try await body()
        try await EventLoop.sleep(for: .milliseconds(1))
        return record.all
    }

    @Test func `a task that holds its loop is named, and timers come after it in order`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let order = Record<Int>()
        let found = try await reports(of: loop) {
            // Set in one step, so that none is due before all are there.
            let start = MonotonicTime.now
            for delay in [30, 10, 20] {
                loop.core.timers.add(
                    start.advanced(by: .milliseconds(delay)), .call { order.add(delay) })
            }
            // Alone in its turn: after the sleep of this test.
            let culprit = loop.spawn(after: .milliseconds(2), name: "culprit") {
                holdThread(for: .milliseconds(60))
            }
            try await culprit.value
            // Due after all of them.
            try await EventLoop.sleep(for: .milliseconds(1))
        }
        #expect(
            found.contains { $0.contains("task culprit") && $0.contains(" kept \(loop) for ") })
        #expect(order.all == [10, 20, 30])
        #expect(try await loop.statistics.slowJobs == UInt64(found.count))
    }

    @Test func `of very many steps none is blamed alone`() async throws {
        let loop = try #require(EventLoop.current)
        var found: [String] = []
        // Again where a busy machine made a step before it slow: then each is timed already.
        repeat {
            loop.core.meter.state.timesSteps = false
            found = try await reports(of: loop) {
                let culprit = loop.spawn(after: .milliseconds(2)) {
                    holdThread(for: .milliseconds(60))
                }
                try await culprit.value
                for _ in 0..<100 { await Task.yield() }
            }
        } while !found.contains { $0.contains("the last of them of") }
    }

    /// A task that a long poll has woken runs within it (docs/decisions/0012-pacing.md).
    /// Before each step is timed, and while it is.
    @Test(arguments: [false, true])
    func `a step within a poll is named as any other`(timed: Bool) async throws {
        let loop = try #require(EventLoop.current)
        let (client, server) = try await tcpPair()
        let found = try await reports(of: loop) {
            if timed {
                loop.core.slowJobs.report(.init(steps: 2, tasks: [], length: 50), on: loop)
            }
            let reader = loop.spawn(name: "reader") {
                var buffer = [UInt8](repeating: 0, count: 64 * 1024)
                let count = try await server.read(into: &buffer)
                holdThread(for: .milliseconds(60))
                return count
            }
            try await until { server.core.inbound.reader != nil }
            try await client.write([UInt8](repeating: 1, count: 64 * 1024))
            #expect(try await reader.value > 0)
        }
        #expect(found.contains { $0.contains("task reader") })
        for stream in [client, server] { stream.abort() }
    }

    @Test func `where several steps ran the next slow one is named`() async throws {
        let loop = try #require(EventLoop.current)
        var found: [String] = []
        var rounds = 0
        // Again where a busy machine made another step slow too: before, each is timed already.
        repeat {
            loop.core.meter.state.timesSteps = false
            found = try await reports(of: loop) {
                let tasks = ["first", "second"].map { name in
                    loop.spawn(name: name) { holdThread(for: .milliseconds(30)) }
                }
                for task in tasks { try await task.value }
                try await EventLoop.sleep(for: .milliseconds(1))
                #expect(loop.core.meter.state.timesSteps)
                let more = ["quick", "third"].map { name in
                    loop.spawn(name: name) {
                        if name == "third" { holdThread(for: .milliseconds(30)) }
                    }
                }
                for task in more { try await task.value }
            }
            rounds += 1
        } while rounds < 50
            && (found.first?.contains("task first, task second") != true
                || found.contains { $0.contains("quick") })
        let first = try #require(found.first)
        #expect(first.contains("steps have kept \(loop) for"))
        #expect(first.contains("task first, task second"))
        #expect(!found.contains { $0.contains("quick") })
        #expect(found.contains { $0.hasPrefix("task third has kept \(loop) for ") })
    }

    @Test func `the handler of a connection is named by its peer`() async throws {
        let loop = try #require(EventLoop.current)
        loop.core.meter.state.timesSteps = true
        defer { loop.core.meter.state.timesSteps = false }
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        var peer = ""
        let found = try await reports(of: loop) {
            let server = loop.spawn {
                try await listener.serve { stream in
                    for try await chunk in stream.chunks {
                        holdThread(for: .milliseconds(30))
                        try await stream.write(chunk)
                    }
                }
            }
            try await TCPStream.withConnection(to: listener.localAddress) { client in
                peer = "\(client.localAddress)"
                try await client.write([1])
                _ = try await client.read(upTo: 1)
            }
            server.cancel()
            _ = await server.result
        }
        #expect(found.contains { $0.contains("the handler of the stream with \(peer) has kept") })
    }

    @Test func `what is quicker than the limit is not reported, nor anything without one`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let quick = try await reports(of: loop, over: .seconds(3_600)) {
            try await loop.spawn { holdThread(for: .milliseconds(20)) }.value
        }
        #expect(quick.isEmpty)
        loop.reportSlowJobs(over: nil)
        try await loop.spawn { holdThread(for: .milliseconds(5)) }.value
        #expect(try await loop.statistics.slowJobs == 0)
    }
}

/// Computes, as a task should not.
private func holdThread(for time: Duration) {
    let start = ContinuousClock.now
    while ContinuousClock.now - start < time { spin(1_000) }
}
