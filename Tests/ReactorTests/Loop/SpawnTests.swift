// Work in the background: delayed, cancelled, awaited.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SpawnTests {
    private struct Failure: Error {}

    @Test func `a spawned task runs on its loop and has a result`() async throws {
        let loop = try #require(EventLoop.current)
        let task = loop.spawn { EventLoop.current == loop ? 7 : 0 }
        #expect(try await task.value == 7)
        await #expect(throws: Failure.self) { try await loop.spawn { throw Failure() }.value }
    }

    @Test func `a crowd that has gone leaves its memory too`() async throws {
        let loop = try #require(EventLoop.current)
        let tasks = (0..<5_000).map { number in loop.spawn { number } }
        #expect(loop.work.slotCount >= 5_000)
        for (number, task) in tasks.enumerated() { #expect(try await task.value == number) }
        // This test's own is left.
        try await until { loop.work.count <= 1 }
        #expect(loop.work.slotCount <= 1_024)
        #expect(try await loop.spawn { 7 }.value == 7)
    }

    @Test func `a delay is never cut short, and the result can be awaited`() async throws {
        let loop = try #require(EventLoop.current)
        let start = LoopClock.Instant.now
        let task = loop.spawn(after: .milliseconds(20), name: "later") {
            (start.duration(to: .now), EventLoop.current == loop)
        }
        let (delay, isHome) = try await task.value
        #expect(delay >= .milliseconds(20))
        #expect(isHome)
    }

    @Test func `delays end in the order of their lengths`() async throws {
        let loop = try #require(EventLoop.current)
        // A round counts if all had begun to wait before the first could be over.
        while true {
            let (order, start) = (Record<Int>(), ContinuousClock.now)
            let tasks = [90, 30, 60].map { milliseconds in
                loop.spawn(after: .milliseconds(milliseconds)) { order.add(milliseconds) }
            }
            try await until { loop.core.timers.count >= 3 || !order.all.isEmpty }
            let isInTime = ContinuousClock.now - start < .milliseconds(30)
            for task in tasks { try await task.value }
            if isInTime { return #expect(order.all == [30, 60, 90]) }
        }
    }

    @Test func `a task cancelled during its delay never begins`() async throws {
        let loop = try #require(EventLoop.current)
        let began = Counter()
        let task = loop.spawn(after: .seconds(3_600)) { began.add() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let later = loop.spawn(after: .seconds(3_600)) { began.add() }
        await Task.yield()
        #expect(loop.core.timers.count == 1)
        later.cancel()
        await #expect(throws: CancellationError.self) { try await later.value }
        #expect(began.value == 0)
    }

    @Test func `the caller's cancellation stays with the caller`() async throws {
        let loop = try #require(EventLoop.current)
        let outcome = try await cancelled {
            try await loop.spawn { try Task.checkCancellation() }.value
        }
        #expect(outcome == .ok)
    }

    @Test func `cancelling a submitted call cancels its body, wherever it came from`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        for isDetached in [false, true] {
            let began = Gate()
            let call: @Sendable () async throws -> Void = {
                try await loop.submit {
                    began.open()
                    try await EventLoop.sleep(for: .seconds(3_600))
                }
            }
            let task = isDetached ? Task.detached { try await call() } : Task { try await call() }
            await began.wait()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `a call on the caller's own loop runs, and so does one within it`() async throws {
        let loop = try #require(EventLoop.current)
        let depth = try await loop.submit { try await loop.submit { try await loop.submit { 3 } } }
        #expect(depth == 3)
    }

    @Test func `loops call each other in circles`() async throws {
        let group = try EventLoopGroup(count: 3)
        for _ in 0..<100 {
            let visited = try await group.loops[0].submit {
                try await group.loops[1].submit {
                    try await group.loops[2].submit {
                        try await group.loops[0].submit { EventLoop.current?.name }
                    }
                }
            }
            #expect(visited == group.loops[0].name)
        }
        await group.shutdown()
    }

    @Test func `what a call throws reaches the caller`() async throws {
        let loop = try #require(EventLoop.current)
        await #expect(throws: Failure.self) { try await loop.submit { throw Failure() } }
    }
}
