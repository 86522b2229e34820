// The pool itself: its cap, its idle threads, its end, what happens without threads.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct BlockingPoolTests {
    @Test func `ten thousand bodies never exceed the cap, and all results are right`() async throws
    {
        let pool = BlockingPool(name: "cap", maxThreads: 4)
        let running = Locked((now: 0, most: 0))
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<10_000 {
                group.addTask {
                    try await blocking(on: pool) {
                        running.withLock {
                            $0.now += 1
                            $0.most = max($0.most, $0.now)
                        }
                        defer { running.withLock { $0.now -= 1 } }
                        return number
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 10_000 * 9_999 / 2)
        #expect(running.withLock { $0.most } <= 4)
        #expect(pool.statistics.threads <= 4)
        #expect(await pool.shutdown())
    }

    @Test func `as many threads as are needed are started`() async throws {
        let pool = BlockingPool(name: "elastic", maxThreads: 3)
        let gate = Gate()
        let tasks = (0..<5).map { _ in Task { try await blocking(on: pool) { gate.waitBlocking() } }
        }
        let full = BlockingPool.Statistics(threads: 3, queued: 2, running: 3, abandoned: 0)
        try await until { pool.statistics == full }
        gate.open()
        for task in tasks { try await task.value }
        #expect(await pool.shutdown())
    }

    @Test func `idle threads leave, and come back for work`() async throws {
        let pool = BlockingPool(name: "idle", maxThreads: 2, idleLimit: .milliseconds(1))
        for _ in 0..<3 {
            #expect(try await blocking(on: pool) { 1 } == 1)
            try await until { pool.statistics.threads == 0 }
        }
        for _ in 0..<500 {
            // At about the moment when the thread leaves.
            try await EventLoop.sleep(for: .microseconds(300))
            #expect(try await blocking(on: pool) { 2 } == 2)
        }
        #expect(await pool.shutdown())
    }

    @Test func `a busy pool holds up no timer and no other pool`() async throws {
        let pool = BlockingPool(name: "busy", maxThreads: 2)
        let gate = Gate()
        let tasks = (0..<4).map { _ in Task { try await blocking(on: pool) { gate.waitBlocking() } }
        }
        try await until { pool.statistics.running == 2 }
        try await EventLoop.sleep(for: .milliseconds(1))
        #expect(try await blocking { 1 } == 1)
        #expect(try await !SystemResolver.shared.addresses(of: "localhost", port: 1).isEmpty)
        gate.open()
        for task in tasks { try await task.value }
        #expect(await pool.shutdown())
    }

    @Test func `a task that prefers the pool runs there, step by step`() async throws {
        let pool = BlockingPool(name: "executor", maxThreads: 2)
        let loop = try #require(EventLoop.current)
        await Task(executorPreference: pool) {
            for _ in 0..<10 {
                #expect(EventLoop.current == nil)
                await Task.yield()
            }
            try? await loop.submit { #expect(EventLoop.current == loop) }
            #expect(EventLoop.current == nil)
        }.value
        #expect(await pool.shutdown())
    }

    @Test func `shutdown fails what is queued and waits for what runs`() async throws {
        let pool = BlockingPool(name: "end", maxThreads: 1)
        let (begun, gate) = (Gate(), Gate())
        let first = Task {
            try await blocking(on: pool) {
                begun.open()
                gate.waitBlocking()
            }
        }
        // Its thread is taken before that: a shutdown then would fail it.
        await begun.wait()
        let queued = Task { try await blocking(on: pool) { Issue.record("it must not run") } }
        try await until { pool.statistics.queued == 1 }
        let hasEnded = Locked(false)
        let end = Task {
            let isOver = await pool.shutdown()
            hasEnded.withLock { $0 = true }
            return isOver
        }
        let refusal = ReactorError(.closed, "run on end")
        await #expect(throws: refusal) { try await queued.value }
        #expect(!hasEnded.withLock { $0 })
        gate.open()
        try await first.value
        #expect(await end.value)
        await #expect(throws: refusal) { try await blocking(on: pool) { 1 } }
        await #expect(throws: refusal) { try await abandoningBlocking(on: pool) { 1 } }
        #expect(await pool.shutdown())
        #expect(pool.statistics == .init())
        // A task that prefers the pool is not lost.
        #expect(await Task(executorPreference: pool) { 5 }.value == 5)
    }

    @Test func `a shutdown that takes too long can be left`() async throws {
        let pool = BlockingPool(name: "slow", maxThreads: 1)
        let gate = Gate()
        let hasBegun = Locked(false)
        let first = Task {
            try await blocking(on: pool) {
                hasBegun.withLock { $0 = true }
                gate.waitBlocking()
            }
        }
        try await until { hasBegun.withLock { $0 } }
        let isOver = try await withTimeout(.milliseconds(2)) { await pool.shutdown() }
        #expect(!isOver)
        gate.open()
        try await first.value
        #expect(await pool.shutdown())
    }

    @Test func `a pool that is dropped goes away with its threads`() async throws {
        weak var dropped: BlockingPool?
        do {
            let pool = BlockingPool(name: "dropped", idleLimit: .milliseconds(1))
            dropped = pool
            try await blocking(on: pool) {}
        }
        while dropped != nil { try await EventLoop.sleep(for: .milliseconds(1)) }
    }

    @Test func `without a thread a body fails, and a task still runs`() async throws {
        let canStart = Locked(false)
        let refusal = ReactorError(.init(rawValue: -11), "start the thread none")
        let pool = BlockingPool(name: "none", maxThreads: 2, idleLimit: .seconds(3_600)) {
            name, body throws(ReactorError) in
            guard canStart.withLock({ $0 }) else { throw refusal }
            try Thread.start(name: name, body)
        }
        await #expect(throws: refusal) { try await blocking(on: pool) { 1 } }
        await #expect(throws: refusal) { try await abandoningBlocking(on: pool) { 1 } }
        #expect(await Task(executorPreference: pool) { 5 }.value == 5)
        canStart.withLock { $0 = true }
        #expect(try await blocking(on: pool) { 2 } == 2)
        // One thread is there: what cannot get a second waits for it.
        canStart.withLock { $0 = false }
        let gate = Gate()
        let first = Task { try await blocking(on: pool) { gate.waitBlocking() } }
        try await until { pool.statistics.running == 1 }
        let second = Task { try await blocking(on: pool) { 3 } }
        try await until { pool.statistics.queued == 1 }
        gate.open()
        #expect(try await second.value == 3)
        try await first.value
        #expect(await pool.shutdown())
        #expect(pool.statistics == .init())
    }
}
