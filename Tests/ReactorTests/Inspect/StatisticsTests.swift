// What a loop counts of itself, read from anywhere.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct StatisticsTests {
    @Test func `turns and steps of tasks are counted`() async throws {
        let loop = try #require(EventLoop.current)
        let before = try await loop.statistics
        for _ in 0..<100 { await Task.yield() }
        for _ in 0..<10 { try await EventLoop.sleep(for: .milliseconds(1)) }
        let after = try await loop.statistics
        #expect(after.loop == loop.name)
        #expect(after.turns >= before.turns + 10)
        #expect(after.jobs >= before.jobs + 100)
    }

    @Test func `what is ready, open and under way is counted`() async throws {
        let loop = try #require(EventLoop.current)
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let client = try await TCPStream.connect(to: listener.localAddress)
        let sleeper = loop.spawn { try await EventLoop.sleep(for: .seconds(3_600)) }
        await Task.yield()
        for _ in 0..<7 { loop.post {} }
        let now = try await loop.statistics
        #expect(now.readyJobs >= 7)
        #expect(now.open == ["stream": 1, "listener": 1])
        #expect(now.handles["poll"] == 3, "the two, and the loop's own")
        #expect(now.timers == 1)
        #expect(now.tasks == 2, "the sleeper, and the test")
        sleeper.cancel()
        _ = await sleeper.result
        await client.close()
        listener.close()
        #expect(try await loop.statistics.open.isEmpty)
    }

    @Test func `connections that are served count as tasks`() async throws {
        let loop = try #require(EventLoop.current)
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let server = loop.spawn {
            try await listener.serve { for try await _ in $0.chunks {} }
        }
        let before = try await loop.statistics.tasks
        try await TCPStream.withConnection(to: listener.localAddress) { _ in
            while try await loop.statistics.open["service"] == nil { await Task.yield() }
            while try await loop.statistics.open["stream"] != 2 { await Task.yield() }
            #expect(try await loop.statistics.tasks == before + 1)
        }
        server.cancel()
        _ = await server.result
    }

    @Test func `a task that holds the thread shows as lag, lately and for good`() async throws {
        let loop = try #require(EventLoop.current)
        loop.reportSlowJobs(over: nil)
        _ = try await loop.statistics
        await Task.yield()
        holdThread(for: .milliseconds(30))
        await Task.yield()
        try await EventLoop.sleep(for: .milliseconds(1))
        let now = try await loop.statistics
        #expect(now.lag >= .milliseconds(29))
        #expect(now.longestLag >= now.lag)
        #expect(now.slowJobs == 0)
    }

    @Test func `any thread and any task may ask`() async throws {
        let loop = try #require(EventLoop.current)
        let fromTask = try await Task.detached { try await loop.statistics.loop }.value
        #expect(fromTask == loop.name)
        let group = try EventLoopGroup(count: 1)
        let fromLoop = try await group.loops[0].submit { try await loop.statistics.loop }
        #expect(fromLoop == loop.name)
        await group.shutdown()
    }

    @Test func `a cancelled asker leaves a loop that does not answer`() async throws {
        let (gate, began) = (Gate(), Gate())
        let group = try EventLoopGroup(count: 1)
        group.loops[0].spawn {
            began.open()
            gate.waitBlocking()
        }
        await began.wait()
        let asker = Task { try await group.loops[0].statistics }
        asker.cancel()
        await #expect(throws: CancellationError.self) { try await asker.value }
        gate.open()
        await group.shutdown()
        await expect(.loopClosed) { try await group.loops[0].statistics }
        #expect(try await cancelled { _ = try await group.loops[0].statistics } == .cancelled)
    }

    @Test func `the loops that turn are known, and those that have ended are not`() async throws {
        let loop = try #require(EventLoop.current)
        let group = try EventLoopGroup(count: 2)
        #expect(Set(EventLoop.running).isSuperset(of: group.loops + [loop]))
        await group.shutdown()
        #expect(Set(EventLoop.running).isDisjoint(with: group.loops))
    }

    /// Computes, as a task should not.
    private func holdThread(for time: Duration) {
        let start = ContinuousClock.now
        while ContinuousClock.now - start < time { spin(1_000) }
    }
}

/// The meter alone, with times made up.
@Suite(.noLoop, .timeLimit(.minutes(5)))
struct LoopMeterTests {
    private func time(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    @Test func `a turn lasts from the end of its poll until its tasks have run`() {
        var meter = LoopMeter()
        let length = meter.endTurn(time(107), polledAt: 100)
        #expect(length == 7)
        let behind = meter.endTurn(time(99), polledAt: 100)
        #expect(behind == 0, "libuv's clock may be ahead")
    }

    @Test func `tasks that ran within a poll count for its turn`() {
        var meter = LoopMeter()
        meter.woke(at: 100)
        meter.woke(at: 130)
        let length = meter.endTurn(time(160), polledAt: 150)
        #expect(length == 60)
        let next = meter.endTurn(time(160), polledAt: 150)
        #expect(next == 10, "once")
    }

    @Test func `only a turn that is longer than those before is looked at`() {
        var meter = LoopMeter()
        #expect(meter.mark == 0)
        var isSlow = meter.note(7)
        #expect(!isSlow)
        #expect(meter.mark == 7)
        isSlow = meter.note(500)
        #expect(isSlow)
        #expect(meter.mark == 99, "every slow one is")
        isSlow = meter.note(100)
        #expect(isSlow)
    }

    @Test func `lately is since the reading before the last`() {
        var meter = LoopMeter()
        _ = meter.note(50)
        for reading: UInt64 in [10_000, 10_500, 11_500] {
            let recent = meter.lag(time(reading)).recent
            #expect(recent == .milliseconds(50), "at \(reading)")
        }
        let last = meter.lag(time(13_000))
        #expect(last.recent == .zero)
        #expect(last.longest == .milliseconds(50))
    }
}
