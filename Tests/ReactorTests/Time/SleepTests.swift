// Sleeping: never early, in order, cancelled at once.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SleepTests {
    @Test(
        arguments: [
            .zero, .nanoseconds(1), .microseconds(999), .nanoseconds(1_000_100),
            .microseconds(10_500),
        ] as [Duration])
    func `a sleep never ends early`(_ duration: Duration) async throws {
        for _ in 0..<20 {
            let start = LoopClock.Instant.now
            try await EventLoop.sleep(for: duration)
            #expect(start.duration(to: .now) >= duration)
        }
    }

    @Test(
        .tags(.slow),
        arguments: [
            .zero, .nanoseconds(1), .microseconds(999), .nanoseconds(1_000_100),
            .milliseconds(70),
        ] as [Duration])
    func `two hundred sleeps at a time never end early`(_ duration: Duration) async throws {
        await withTaskGroup { group in
            for _ in 0..<200 {
                group.addTask {
                    await Task.yield()
                    let start = LoopClock.Instant.now
                    try? await EventLoop.sleep(for: duration)
                    #expect(start.duration(to: .now) >= duration)
                }
            }
        }
    }

    @Test func `a deadline that comes while the loop is busy is met at its next turn`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        for _ in 0..<3 {
            let busy = Task(executorPreference: loop) {
                let start = LoopClock.Instant.now
                while start.duration(to: .now) < .milliseconds(4) {}
            }
            // Nothing else will wake the loop.
            try await EventLoop.sleep(for: .milliseconds(1))
            await busy.value
        }
    }

    @Test func `a sleep until a point ends there or later, on or off the loop`() async throws {
        let point = LoopClock.Instant.now.advanced(by: .milliseconds(5))
        try await EventLoop.sleep(until: point)
        #expect(.now >= point)
        let other = LoopClock.Instant.now.advanced(by: .milliseconds(5))
        try await Task.detached {
            #expect(EventLoop.current == nil)
            try await EventLoop.sleep(until: other)
        }.value
        #expect(.now >= other)
    }

    @Test func `sleepers wake in the order of their deadlines, equals as they began`() async {
        // Deadlines in milliseconds after the start; several alike.
        let deadlines = [9, 3, 7, 3, 9, 1, 7, 3, 1, 5]
        var order = Record<Int>()
        var late = Counter()
        // Until all of them sleep before the first wakes.
        for lead in [Duration.milliseconds(50), .milliseconds(500), .seconds(5), .seconds(20)] {
            (order, late) = (Record(), Counter())
            let start = LoopClock.Instant.now.advanced(by: lead)
            await withTaskGroup { [order, late] group in
                for (number, deadline) in deadlines.enumerated() {
                    group.addTask {
                        if start <= .now { late.add() }
                        let due = start.advanced(by: .milliseconds(deadline))
                        try? await EventLoop.sleep(until: due)
                        order.add(number)
                    }
                }
            }
            if late.value == 0 { break }
        }
        #expect(late.value == 0)
        let expected = deadlines.indices.sorted { (deadlines[$0], $0) < (deadlines[$1], $1) }
        #expect(order.all == expected)
    }

    @Test(
        arguments: [
            .zero, .seconds(-1), .nanoseconds(-1), .seconds(Int64.min), .seconds(Int64.min) * 10,
        ] as [Duration])
    func `no time to sleep still lets others run`(_ duration: Duration) async throws {
        let flag = Flag()
        let loop = try #require(EventLoop.current)
        let other = Task(executorPreference: loop) { flag.isSet = true }
        try await EventLoop.sleep(for: duration)
        #expect(flag.isSet)
        await other.value
        try await EventLoop.sleep(until: LoopClock.Instant.now.advanced(by: duration))
    }

    @Test func `an endless loop of empty sleeps starves no timer`() async throws {
        let spinner = try #require(EventLoop.current).spawn {
            while true { try await EventLoop.sleep(for: .zero) }
        }
        for _ in 0..<3 { try await EventLoop.sleep(for: .milliseconds(2)) }
        spinner.cancel()
        await #expect(throws: CancellationError.self) { try await spinner.value }
    }

    @Test(
        arguments: [
            .seconds(Int64.max), Duration(secondsComponent: .max, attosecondsComponent: 1 << 59),
            .nanoseconds(Int64.max), .seconds(400 * 365 * 86_400), .seconds(Int64.max) * 10,
        ] as [Duration])
    func `the far future can be waited for, and cancelled`(_ duration: Duration) async throws {
        let loop = try #require(EventLoop.current)
        let here = loop.spawn { try await EventLoop.sleep(for: duration) }
        let elsewhere = Task.detached { try await EventLoop.sleep(for: duration) }
        let never = loop.spawn { try await EventLoop.sleep(until: .distantFuture) }
        try await EventLoop.sleep(for: .milliseconds(2))
        for task in [here, elsewhere, never] {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(loop.core.timers.count == 0)
    }

    @Test func `a cancelled task does not begin to sleep`() async throws {
        let loop = try #require(EventLoop.current)
        let task = Task(executorPreference: loop) {
            while !Task.isCancelled { await Task.yield() }
            #expect(loop.core.timers.count == 0)
            try await EventLoop.sleep(for: .seconds(3600))
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test(.tags(.slow)) func `cancelling from another thread at the deadline ends a sleep once`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let outcomes = Locked((slept: 0, cancelled: 0))
        for _ in 0..<20 {
            try await withThrowingTaskGroup { group in
                for number in 0..<500 {
                    let sleeper = Task(executorPreference: loop) {
                        do {
                            try await EventLoop.sleep(for: .microseconds(1000 + number))
                            outcomes.withLock { $0.slept += 1 }
                        } catch {
                            outcomes.withLock { $0.cancelled += 1 }
                        }
                    }
                    group.addTask(executorPreference: globalConcurrentExecutor) {
                        try await Task.sleep(for: .microseconds(1000 + number))
                        sleeper.cancel()
                        await sleeper.value
                    }
                }
                try await group.waitForAll()
            }
        }
        let (slept, cancelled) = outcomes.withLock { $0 }
        #expect(slept + cancelled == 10_000)
        #expect(loop.core.timers.count == 0)
    }

    @Test func `a sleeper keeps its task-local values`() async throws {
        enum Context { @TaskLocal static var value = 0 }
        try await Context.$value.withValue(7) {
            try await EventLoop.sleep(for: .microseconds(10))
            #expect(Context.value == 7)
        }
        #expect(Context.value == 0)
    }

    @Test func `the end of a loop ends its sleepers with an error`() async throws {
        let group = try EventLoopGroup(count: 1, grace: .milliseconds(1))
        let loop = group.loops[0]
        let began = Promised()
        let sleeper = Task(executorPreference: loop) {
            began.mark()
            try await EventLoop.sleep(for: .seconds(3600))
        }
        let spawned = loop.spawn { try await EventLoop.sleep(for: .seconds(3600)) }
        await began.wait()
        await group.shutdown()
        await #expect(throws: ReactorError(.loopClosed, "sleep")) { try await sleeper.value }
        await #expect(throws: CancellationError.self) { try await spawned.value }
    }
}

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct LoopClockTests {
    @Test func `tasks sleep on the loop with the clock named loop`() async throws {
        let loop = try #require(EventLoop.current)
        let start = LoopClock.Instant.now
        let sleeper = loop.spawn { try await Task.sleep(for: .milliseconds(20), clock: .loop) }
        while loop.core.timers.count == 0 { await Task.yield() }
        try await sleeper.value
        #expect(start.duration(to: .now) >= .milliseconds(20))
        #expect(loop.isCurrent)
    }

    @Test func `measuring gives the time that has passed`() async throws {
        let elapsed = try await LoopClock().measure {
            try await EventLoop.sleep(for: .milliseconds(3))
        }
        #expect(elapsed >= .milliseconds(3))
    }

    @Test func `instants never overflow`() {
        let now = LoopClock.Instant.now
        #expect(now.advanced(by: .seconds(Int64.max)) == .distantFuture)
        #expect(LoopClock.Instant.distantFuture.advanced(by: .seconds(1)) == .distantFuture)
        #expect(now.advanced(by: .seconds(Int64.min)) < now)
        #expect(now.advanced(by: .seconds(Int64.max) * 10) == .distantFuture)
        #expect(now.advanced(by: .seconds(Int64.min) * 10) < now)
        let far = now.advanced(by: .seconds(20) + Duration(attoseconds: 1))
        #expect(now.duration(to: far) == .seconds(20) + .nanoseconds(1))
        #expect(now.duration(to: .distantFuture) > .seconds(1_000_000))
        #expect(LoopClock.Instant.distantFuture.duration(to: now) < .zero)
        #expect(now.advanced(by: .nanoseconds(5)).duration(to: now) == .nanoseconds(-5))
        #expect(now < now.advanced(by: Duration(secondsComponent: 0, attosecondsComponent: 1)))
    }
}

/// Something that a test waits for.
final class Promised: Sendable {
    private let state = Locked<(isMarked: Bool, waits: [RemoteWait<Void>])>((false, []))

    func mark() {
        let waits = state.withLock { state in
            defer { state = (true, []) }
            return state.waits
        }
        for wait in waits { wait.settle(()) }
    }

    func wait() async {
        let wait = RemoteWait<Void>()
        await wait.suspend {
            let isMarked = state.withLock { state in
                if !state.isMarked { state.waits.append(wait) }
                return state.isMarked
            }
            if isMarked { wait.settle(()) }
        }
    }
}
