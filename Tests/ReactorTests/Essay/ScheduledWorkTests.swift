// The complaint: what `call_soon` and `call_later` schedule is a handle that can be cancelled but
// not awaited, and from another thread not even that.
//
// Line 5 of the answer: scheduled work can be cancelled and awaited.

import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ScheduledWorkTests {
    @Test(arguments: Place.allCases)
    func `what is scheduled now or for later is awaited, with its result`(
        from place: Place
    ) async throws {
        let loop = try #require(EventLoop.current)
        let (now, later) = try await place.run {
            let later = loop.spawn(after: .microseconds(100)) { (EventLoop.current?.name, "later") }
            let now = loop.spawn { (EventLoop.current?.name, "now") }
            return (try await now.value, try await later.value)
        }
        #expect(now == (loop.name, "now"))
        #expect(later == (loop.name, "later"))
    }

    @Test(arguments: Place.allCases)
    func `what is scheduled for later is cancelled, and never begins`(
        from place: Place
    ) async throws {
        let loop = try #require(EventLoop.current)
        let begun = Counter()
        try await place.run {
            let task = loop.spawn(after: .seconds(3_600)) { begun.add() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(begun.value == 0)
    }

    @Test(arguments: Place.allCases)
    func `what is under way is cancelled, and its end awaited`(from place: Place) async throws {
        let loop = try #require(EventLoop.current)
        let trail = Record<String>()
        try await place.run {
            let hasBegun = Gate()
            let task = loop.spawn {
                hasBegun.open()
                defer { trail.add("cleaned up") }
                try await EventLoop.sleep(for: .seconds(3_600))
            }
            await hasBegun.wait()
            task.cancel()
            _ = await task.result
            trail.add("awaited")
        }
        #expect(trail.all == ["cleaned up", "awaited"])
    }

    @Test(arguments: Place.allCases)
    func `one task schedules, another awaits, a third one cancels`(
        in place: Place
    ) async throws {
        let loop = try #require(EventLoop.current)
        let task = try await place.call { loop.spawn(after: .seconds(3_600)) { "never" } }
        async let outcome = place.run { await task.result }
        try await place.call { task.cancel() }
        let result = try await outcome
        #expect(throws: CancellationError.self) { try result.get() }
    }
}
