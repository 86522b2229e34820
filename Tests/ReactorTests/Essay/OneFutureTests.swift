// The complaint: there are two futures, one for threads and one for loops; each is useless to the
// other, and one that nobody completes keeps its waiters for ever.
//
// Line 4 of the answer: one kind of future.

import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct OneFutureTests {
    @Test(arguments: Place.allCases)
    func `a promise kept anywhere is good for those who wait everywhere`(
        from place: Place
    ) async throws {
        let promise = Promise<String>()
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for waiter in Place.allCases {
                group.addTask {
                    try await waiter.run { "\(waiter): \(try await promise.future.value)" }
                }
            }
            _ = try await place.call { promise.succeed("kept") }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(answers == Set(Place.allCases.map { "\($0): kept" }))
    }

    @Test(arguments: Place.allCases)
    func `a promise that is dropped tells those who wait, and where it was made`(
        in place: Place
    ) async throws {
        var promise: Promise<Int>? = Promise(name: "the lost one")
        let future = try #require(promise).future
        async let outcome = place.run {
            do { return "\(try await future.value)" } catch let error as ReactorError {
                return error.code == .abandoned ? error.operation : "\(error)"
            }
        }
        promise = nil
        let operation = try await outcome
        #expect(operation.contains("the lost one"))
        #expect(operation.contains("OneFutureTests.swift"))
    }

    @Test(arguments: Place.allCases)
    func `the first completion counts, wherever it comes from`(in place: Place) async throws {
        let promise = Promise<Int>()
        let isFirst = try await place.call { promise.succeed(1) }
        #expect(isFirst)
        #expect(!promise.succeed(2))
        #expect(try await place.run { try await promise.future.value } == 1)
        #expect(try promise.future.result?.get() == 1)
    }

    @Test(arguments: Place.allCases)
    func `one who stops waiting disturbs nobody`(in place: Place) async throws {
        let promise = Promise<Int>()
        try await place.run {
            let impatient = Task { try await promise.future.value }
            impatient.cancel()
            await #expect(throws: CancellationError.self) { try await impatient.value }
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.microseconds(1)) { try await promise.future.value }
            }
        }
        async let patient = place.run { try await promise.future.value }
        promise.succeed(7)
        #expect(try await patient == 7)
    }

    @Test(arguments: Place.allCases)
    func `a task is awaited in the same way, from anywhere`(in place: Place) async throws {
        let loop = try #require(EventLoop.current)
        let task = loop.spawn { 7 }
        #expect(try await place.run { try await task.value } == 7)
    }
}
