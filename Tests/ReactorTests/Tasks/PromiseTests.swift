// Promises: who completes them, who awaits them, and what becomes of those that are dropped.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct PromiseTests {
    @Test func `a value comes before or after it is awaited, from any thread`() async throws {
        let early = Promise<Int>()
        #expect(early.future.result == nil)
        #expect(early.succeed(1))
        #expect(try await early.future.value == 1)
        #expect(try early.future.result?.get() == 1)
        let late = Promise<Int>()
        async let value = late.future.value
        try await turnLoop(2)
        #expect(try await onThread { late.succeed(2) })
        #expect(try await value == 2)
        let plain = Promise<Void>()
        plain.succeed()
        try await plain.future.value
    }

    @Test func `the first completion counts, the others are told`() async throws {
        let promise = Promise<Int>()
        #expect(promise.succeed(1))
        #expect(!promise.succeed(2))
        #expect(!promise.fail(Mishap()))
        #expect(!promise.complete(with: .success(3)))
        #expect(try await promise.future.value == 1)
        let failed = Promise<Int>()
        #expect(failed.fail(Mishap()))
        #expect(!failed.succeed(1))
        await #expect(throws: Mishap.self) { try await failed.future.value }
    }

    @Test(arguments: 0..<20)
    func `of eight threads at once one wins, and everybody gets its value`(_ round: Int)
        async throws
    {
        let promise = Promise<Int>()
        let winners = Record<Int>()
        let loop = try #require(EventLoop.current)
        let awaiters = (0..<8).map { number in
            number % 2 == 0
                ? loop.spawn { try await promise.future.value }
                : Task { try await promise.future.value }
        }
        try await onThreads(8) { number in
            if promise.succeed(number) { winners.add(number) }
        }
        #expect(winners.all.count == 1)
        for awaiter in awaiters { #expect(try await awaiter.value == winners.all[0]) }
    }

    @Test func `awaiters are woken in the order in which they came`() async throws {
        let promise = Promise<Void>()
        let order = Record<Int>()
        let loop = try #require(EventLoop.current)
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<100 {
            tasks.append(
                loop.spawn {
                    try await promise.future.value
                    order.add(number)
                })
        }
        try await turnLoop(3)
        tasks[50].cancel()
        await #expect(throws: CancellationError.self) { try await tasks[50].value }
        promise.succeed()
        for (number, task) in tasks.enumerated() where number != 50 { try await task.value }
        #expect(order.all == (0..<100).filter { $0 != 50 })
    }

    @Test func `a dropped promise fails its future with the place where it was made`() async throws
    {
        func drop(_ name: String?) -> Future<Int> { Promise<Int>(name: name).future }
        let error = await #expect(throws: ReactorError.self) { try await drop(nil).value }
        #expect(error?.code == .abandoned)
        #expect(error?.operation.contains("PromiseTests.swift:") == true)
        let named = await #expect(throws: ReactorError.self) { try await drop("answer").value }
        #expect(named?.operation.contains("answer") == true)
        // While somebody waits, too.
        let loop = try #require(EventLoop.current)
        var promise: Promise<Int>? = Promise()
        let future = try #require(promise?.future)
        let waiting = loop.spawn { try await future.value }
        try await turnLoop(2)
        promise = nil
        await expect(.abandoned) { try await waiting.value }
        #expect(promise == nil)
    }

    @Test func `a cancelled awaiter disturbs nobody, and takes nothing`() async throws {
        let promise = Promise<Int>()
        let loop = try #require(EventLoop.current)
        let leaving = [
            loop.spawn { try await promise.future.value },
            Task { try await promise.future.value },
        ]
        let staying = loop.spawn { try await promise.future.value }
        try await turnLoop(2)
        for task in leaving { task.cancel() }
        for task in leaving {
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(promise.succeed(5))
        #expect(try await staying.value == 5)
        #expect(try await cancelled { _ = try await promise.future.value } == .cancelled)
        await #expect(throws: TimeoutError.self) {
            let never = Promise<Int>()
            try await withTimeout(.milliseconds(1)) { _ = try await never.future.value }
        }
    }

    @Test func `an awaiter whose loop shuts down is told`() async throws {
        let promise = Promise<Int>()
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let waiting = Task(executorPreference: loop) { try await promise.future.value }
        while try await loop.submit({ loop.core.participants.all.isEmpty }) {}
        await group.shutdown()
        await expect(.loopClosed) { try await waiting.value }
        // On an ended loop the value is still to be had where there is one.
        promise.succeed(1)
        #expect(
            try await Task(executorPreference: loop) { try await promise.future.value }.value == 1)
    }

    @Test(.tags(.slow), arguments: [UInt64(31), 32])
    func `completions and cancellations at any moment resume each wait once`(_ seed: UInt64)
        async throws
    {
        var random = SeededGenerator(seed: seed)
        let loop = try #require(EventLoop.current)
        for round in 0..<500 {
            var promise: Promise<Int>? = Promise()
            let future = promise!.future
            let tasks = (0..<4).map { number in
                number % 2 == 0
                    ? loop.spawn { try await future.value } : Task { try await future.value }
            }
            let end = Task.detached { [held = promise] in
                if round % 3 != 0 { held?.succeed(round) }
            }
            promise = nil
            for _ in 0..<Int.random(in: 0..<3, using: &random) { await Task.yield() }
            for task in tasks where Bool.random(using: &random) { task.cancel() }
            for task in tasks {
                switch await task.result {
                case .success(let value): #expect(value == round)
                case .failure(let error):
                    #expect(
                        error is CancellationError || ReactorError.Code(error) == .abandoned)
                }
            }
            await end.value
        }
    }

    /// Says that it has gone.
    private final class Witness: Sendable {
        let gone: Counter
        init(_ gone: Counter) { self.gone = gone }
        deinit { gone.add() }
    }

    @Test(.tags(.slow))
    func `a million promises with up to three awaiters leave nothing`() async throws {
        let gone = Counter()
        let loop = try #require(EventLoop.current)
        let count = 1_000_000
        for block in 0..<1000 {
            let futures = (0..<count / 1000).map { number in
                let promise = Promise<Witness>()
                // A million tasks would be a test of tasks: one block in fifty is awaited.
                let awaiters = block % 50 == 0 ? number % 4 : 0
                let tasks = (0..<awaiters).map { _ in loop.spawn { try await promise.future.value }
                }
                return (promise, tasks)
            }
            if block % 50 == 0 { await Task.yield() }
            for (number, (promise, _)) in futures.enumerated() where number % 5 > 0 {
                promise.succeed(Witness(gone))
            }
            for (number, (promise, tasks)) in futures.enumerated() {
                if number % 5 == 0 { promise.succeed(Witness(gone)) }
                for task in tasks { _ = try await task.value }
            }
        }
        try await until { gone.value == count }
    }
}
