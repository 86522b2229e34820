// Ticks: never early, on a grid, and what becomes of those that were missed.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TicksTests {
    private static func time(_ nanoseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds)
    }

    /// The ticks that are due after one that is taken at each of `taken`.
    private func dues(
        _ missed: Ticks.Missed, every period: Duration = .nanoseconds(10), taken: [UInt64]
    ) -> [UInt64] {
        var schedule = TickSchedule(Ticks(every: period, missed: missed), from: Self.time(100))
        return [schedule.due.nanoseconds]
            + taken.map {
                schedule.ticked(at: Self.time($0))
                return schedule.due.nanoseconds
            }
    }

    @Test func `without delay every policy keeps the same grid`() {
        for missed in [Ticks.Missed.skip, .delay, .burst] {
            #expect(dues(missed, taken: [110, 120, 130]) == [110, 120, 130, 140])
        }
    }

    @Test func `missed ticks are left out, postponed, or made up for`() {
        // A little late, then by three periods and a half, then on time again.
        let taken: [UInt64] = [113, 155, 156, 157]
        #expect(dues(.skip, taken: taken) == [110, 120, 160, 170, 180])
        #expect(dues(.delay, taken: taken) == [110, 123, 165, 166, 167])
        #expect(dues(.burst, taken: taken) == [110, 120, 130, 140, 150])
        // Exactly one period late: that tick is due now, and is the next one.
        #expect(dues(.skip, taken: [120]) == [110, 130])
    }

    @Test(arguments: [
        Duration.zero, .nanoseconds(-1), .seconds(Int64.min), .seconds(Int64.max),
        .init(attoseconds: .max), .init(attoseconds: .min), .init(attoseconds: 1),
    ])
    func `no period overflows anything`(_ period: Duration) {
        for missed in [Ticks.Missed.skip, .delay, .burst] {
            var schedule = TickSchedule(Ticks(every: period, missed: missed), from: .now)
            for now in [MonotonicTime.now, .distantFuture, Self.time(0), .distantFuture] {
                let before = schedule.due
                schedule.ticked(at: now)
                #expect(missed == .delay || schedule.due >= before)
            }
        }
    }

    @Test(arguments: [Ticks.Missed.skip, .delay, .burst])
    func `ticks are never early, and leave no timer between them`(
        _ missed: Ticks.Missed
    ) async throws {
        let loop = try #require(EventLoop.current)
        let start = LoopClock.Instant.now
        var last = start
        var count = 0
        for try await due in Ticks(every: .milliseconds(2), missed: missed) {
            #expect(LoopClock.Instant.now >= due && last.duration(to: due) >= .milliseconds(2))
            #expect(loop.core.timers.count == 0)
            last = due
            count += 1
            if count == 10 { break }
        }
        #expect(start.duration(to: last) >= .milliseconds(20))
    }

    @Test func `a slow consumer gets one tick or all of them`() async throws {
        var skipping = Ticks(every: .milliseconds(1)).makeAsyncIterator()
        var bursting = Ticks(every: .milliseconds(1), missed: .burst).makeAsyncIterator()
        let start = LoopClock.Instant.now
        try await EventLoop.sleep(for: .milliseconds(30))
        var made = 0
        while let due = try await bursting.next(), start.duration(to: due) < .milliseconds(30) {
            made += 1
        }
        #expect(made >= 28)
        _ = try await skipping.next()
        let second = try #require(try await skipping.next())
        #expect(start.duration(to: second) > .milliseconds(29))
    }

    @Test func `ticks as fast as they come starve nobody`() async throws {
        let loop = try #require(EventLoop.current)
        let endless = loop.spawn { for try await _ in Ticks(every: .zero, missed: .burst) {} }
        try await EventLoop.sleep(for: .milliseconds(5))
        endless.cancel()
        await #expect(throws: CancellationError.self) { try await endless.value }
    }

    @Test func `cancelling, a time limit and the loop's end end the wait`() async throws {
        let never = Ticks(every: .seconds(Int64.max))
        let loop = try #require(EventLoop.current)
        let task = loop.spawn { for try await _ in never {} }
        try await until { loop.core.timers.count == 1 }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(loop.core.timers.count == 0)
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(2)) { for try await _ in never {} }
        }
        let group = try EventLoopGroup(count: 1)
        let other = group.loops[0]
        let waiting = Task(executorPreference: other) { for try await _ in never {} }
        while try await other.submit({ other.core.timers.count == 0 }) {}
        await group.shutdown()
        await expect(.loopClosed) { try await waiting.value }
        #expect(try await cancelled { for try await _ in never {} } == .cancelled)
    }
}
