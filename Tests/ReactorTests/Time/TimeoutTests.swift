// Time limits: a value or the error, never both, and always of the scope that has expired.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TimeoutTests {
    private static let long = Duration.seconds(3600)

    @Test func `a body in time gives its value or its own error`() async throws {
        struct Mine: Error {}
        #expect(try await withTimeout(Self.long) { 5 } == 5)
        let late = try await withTimeout(Self.long) {
            try await EventLoop.sleep(for: .microseconds(100))
            return 6
        }
        #expect(late == 6)
        await #expect(throws: Mine.self) { try await withTimeout(Self.long) { throw Mine() } }
        await #expect(throws: CancellationError.self) {
            try await withTimeout(Self.long) { throw CancellationError() }
        }
        #expect(EventLoop.current?.core.timers.count == 0)
    }

    @Test func `a body that needs longer is cancelled, awaited, and reported`() async throws {
        let start = LoopClock.Instant.now
        var hasCleanedUp = false
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(3)) {
                do { try await EventLoop.sleep(for: Self.long) } catch {
                    await Task { await Task.yield() }.value
                    hasCleanedUp = true
                    throw error
                }
            }
        }
        #expect(hasCleanedUp)
        #expect(start.duration(to: .now) >= .milliseconds(3))
        #expect(EventLoop.current?.core.timers.count == 0)
    }

    @Test func `a value that comes in spite of the limit is the result`() async throws {
        let value = try await withTimeout(.milliseconds(1)) {
            try? await EventLoop.sleep(for: Self.long)
            return Task.isCancelled
        }
        #expect(value)
    }

    @Test func `an error of the body passes though the limit came first`() async throws {
        struct Mine: Error {}
        await #expect(throws: Mine.self) {
            try await withTimeout(.milliseconds(1)) {
                do { try await EventLoop.sleep(for: Self.long) } catch { throw Mine() }
            }
        }
    }

    @Test(arguments: [.zero, .nanoseconds(-1), .seconds(Int64.min)] as [Duration])
    func `without time the body does not run`(_ duration: Duration) async throws {
        var hasRun = false
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(duration) { hasRun = true }
        }
        await #expect(throws: TimeoutError.self) {
            try await withDeadline(.after(duration)) { hasRun = true }
        }
        #expect(!hasRun)
    }

    @Test func `for ever is a limit too`() async throws {
        #expect(try await withTimeout(.seconds(Int64.max)) { 1 } == 1)
        try await withDeadline(Deadline(.distantFuture)) {
            try await EventLoop.sleep(for: .microseconds(10))
        }
    }

    @Test func `a cancelled caller gets its cancellation, whatever the clock says`() async throws {
        let loop = try #require(EventLoop.current)
        for limit in [.zero, .nanoseconds(1), .milliseconds(1), Self.long] as [Duration] {
            let task = loop.spawn {
                while !Task.isCancelled { await Task.yield() }
                try await withTimeout(limit) {
                    #expect(Task.isCancelled)
                    try await EventLoop.sleep(for: Self.long)
                }
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `cancelling the caller ends a waiting body`() async throws {
        let loop = try #require(EventLoop.current)
        let began = Promised()
        let task = loop.spawn {
            try await withTimeout(Self.long) {
                began.mark()
                try await EventLoop.sleep(for: Self.long)
            }
        }
        await began.wait()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `of nested limits the one that has expired is reported`() async throws {
        var caught: [String] = []
        // The outer one is earlier: the inner scope must not claim it.
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(2)) {
                do {
                    try await withTimeout(Self.long) { try await EventLoop.sleep(for: Self.long) }
                } catch is CancellationError {
                    caught.append("inner: cancelled")
                    throw CancellationError()
                }
            }
        }
        // The inner one is earlier, and the outer goes on.
        let value = try await withTimeout(Self.long) {
            do {
                try await withTimeout(.milliseconds(2)) {
                    try await EventLoop.sleep(for: Self.long)
                }
            } catch is TimeoutError {
                caught.append("inner: timeout")
            }
            #expect(!Task.isCancelled)
            return 3
        }
        #expect(value == 3)
        #expect(caught == ["inner: cancelled", "inner: timeout"])
    }

    @Test func `limits that expire in the same turn are the outermost's`() async throws {
        let loop = try #require(EventLoop.current)
        for offset in [-1, 0, 1] {
            let instant = LoopClock.Instant.now.advanced(by: .milliseconds(2))
            let inner = instant.advanced(by: .nanoseconds(offset))
            var (claimed, hasBegun) = (false, false)
            await #expect(throws: TimeoutError.self) {
                try await withDeadline(Deadline(instant)) {
                    do {
                        try await withDeadline(Deadline(inner)) {
                            hasBegun = true
                            // The loop looks at the clock only after both have passed.
                            let busy = Task(executorPreference: loop) {
                                while LoopClock.Instant.now
                                    < instant.advanced(by: .microseconds(50))
                                {}
                            }
                            try await EventLoop.sleep(for: Self.long)
                            await busy.value
                        }
                    } catch is TimeoutError {
                        // One that has passed already is refused: by whoever looked.
                        claimed = hasBegun
                        throw TimeoutError()
                    }
                }
            }
            #expect(!claimed)
        }
    }

    @Test func `the deadline is the earliest of the scopes, and is inherited`() async throws {
        #expect(Deadline.current == nil)
        let outer = Deadline.after(.seconds(100))
        let later = Deadline.after(.seconds(200))
        let earlier = Deadline.after(.seconds(50))
        try await withDeadline(outer) {
            #expect(Deadline.current == outer)
            try await withDeadline(later) { #expect(Deadline.current == outer) }
            try await withDeadline(earlier) {
                #expect(Deadline.current == earlier)
                await Task { #expect(Deadline.current == earlier) }.value
                await Task.detached { #expect(Deadline.current == nil) }.value
            }
            let remaining = try #require(Deadline.current).remaining
            #expect(remaining <= .seconds(100) && remaining > .seconds(10))
            #expect(!outer.hasPassed && Deadline.after(.zero).hasPassed)
        }
        #expect(Deadline.current == nil)
    }

    @Test func `a body may use what its caller borrowed, and what is not sendable`() async throws {
        final class Box { var value = 0 }
        var numbers = [1, 2, 3]
        let box = Box()
        let same = try await withTimeout(Self.long) {
            numbers.append(4)
            try await EventLoop.sleep(for: .microseconds(10))
            box.value = numbers.count
            return box
        }
        #expect(same === box && box.value == 4)
    }

    @Test func `a body keeps its task-local values and its loop`() async throws {
        enum Context { @TaskLocal static var value = 0 }
        let loop = EventLoop.current
        try await Context.$value.withValue(9) {
            try await withTimeout(Self.long) {
                #expect(Context.value == 9)
                try await EventLoop.sleep(for: .microseconds(10))
                #expect(Context.value == 9)
                #expect(EventLoop.current == loop)
            }
        }
    }

    @Test func `ten thousand limits at about the body's own time end one way each`() async throws {
        let outcomes = Locked((values: 0, timeouts: 0, others: 0))
        for _ in 0..<20 {
            await withTaskGroup { group in
                for number in 0..<500 {
                    group.addTask {
                        do {
                            try await withTimeout(.microseconds(500 + number)) {
                                try await EventLoop.sleep(for: .microseconds(1000 - number))
                            }
                            outcomes.withLock { $0.values += 1 }
                        } catch is TimeoutError {
                            outcomes.withLock { $0.timeouts += 1 }
                        } catch {
                            outcomes.withLock { $0.others += 1 }
                        }
                    }
                }
            }
        }
        let (values, timeouts, others) = outcomes.withLock { $0 }
        #expect(values + timeouts == 10_000 && others == 0)
        #expect(EventLoop.current?.core.timers.count == 0)
    }
}
