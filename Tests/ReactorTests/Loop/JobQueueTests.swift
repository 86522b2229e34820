// The queue between threads: nothing lost, nothing out of order, no wake-up too many.

import Foundation
import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct JobQueueTests {
    /// The wake-ups written and not yet taken, as the kernel counts them.
    private func wakeups(of queue: JobQueue) throws -> Int {
        let path = "/proc/self/fdinfo/\(queue.wakeup.readEnd.number)"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.contains("eventfd-count") })
        let number = try #require(line.split(separator: " ").last)
        return try #require(Int(number.trimmingCharacters(in: .whitespaces), radix: 16))
    }

    @Test func `a queue that is awake is sent no wake-up`() throws {
        let queue = try JobQueue()
        for _ in 0..<1_000 { #expect(queue.send(.call {})) }
        #expect(try wakeups(of: queue) == 0)
        #expect(queue.collect())
        #expect(queue.count == 1_000)
    }

    @Test func `what must not wait runs before all that is ready`() async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let (isHeld, gate) = (Gate(), Gate())
        let order = Record<String>()
        loop.post {
            isHeld.open()
            gate.waitBlocking()
        }
        await isHeld.wait()
        for _ in 0..<5_000 { loop.post { order.add("ready") } }
        loop.postFirst { order.add("first") }
        gate.open()
        try await loop.submit {}
        #expect(order.all.first == "first")
        #expect(order.all.count == 5_001)
        await group.shutdown()
        #expect(!loop.postFirst {})
    }

    @Test func `a sleeper is woken once for a batch`() throws {
        let queue = try JobQueue()
        for round in 1...3 {
            #expect(queue.prepareToSleep())
            for _ in 0..<1_000 { _ = queue.send(.call {}) }
            #expect(try wakeups(of: queue) == round)
            queue.awake()
            #expect(queue.collect())
            while queue.next() != nil {}
        }
    }

    @Test func `what was sent before keeps the loop from sleeping`() throws {
        let queue = try JobQueue()
        _ = queue.send(.call {})
        #expect(!queue.prepareToSleep())
        #expect(queue.collect())
        _ = queue.next()
        #expect(queue.prepareToSleep())
    }

    @Test func `an ended queue refuses, and hands back what it held`() throws {
        let queue = try JobQueue()
        queue.append(.call {})
        _ = queue.send(.call {})
        #expect(queue.end().count == 2)
        #expect(queue.hasEnded)
        #expect(!queue.send(.call {}))
        #expect(queue.end().isEmpty)
    }

    @Test func `a loop busy with one job is sent two wake-ups at most`() async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let (isBusy, go) = (Gate(), Gate())
        let order = Record<Int>()
        loop.post {
            isBusy.open()
            go.waitBlocking()
        }
        await isBusy.wait()
        let before = try wakeups(of: loop.queue)
        try await onThread {
            for index in 0..<20_000 { loop.post { order.add(index) } }
        }
        #expect(try wakeups(of: loop.queue) - before <= 2)
        go.open()
        try await loop.submit { #expect(order.all == Array(0..<20_000)) }
        await group.shutdown()
    }

    @Test(arguments: [0, 20_000])
    func `eight threads send, all arrives, each thread's in order`(gap: Int) async throws {
        try await check(threads: 8, count: gap == 0 ? 20_000 : 2_000, gap: gap)
    }

    @Test(.tags(.slow))
    func `eight threads send a hundred thousand each`() async throws {
        try await check(threads: 8, count: 100_000, gap: 1_000)
    }

    /// With gaps the loop falls asleep between sends: each is a chance to lose a wake-up.
    private func check(threads: Int, count: Int, gap: Int) async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let last = LastSeen(threads: threads, count: count)
        try await onThreads(threads) { thread in
            var generator = SeededGenerator(seed: UInt64(thread))
            for index in 0..<count {
                if gap > 0 { spin(Int.random(in: 0..<gap, using: &generator)) }
                loop.post { last.see(thread, index) }
            }
        }
        // Not carried there by a call of this test: that would wake a loop that had missed one.
        await last.isComplete.wait()
        #expect(last.isInOrder)
        await group.shutdown()
    }

    /// Touched on the loop.
    private final class LastSeen: @unchecked Sendable {
        private var seen: [Int]
        private var missing: Int
        private(set) var isInOrder = true
        let isComplete = Gate()

        init(threads: Int, count: Int) {
            seen = Array(repeating: -1, count: threads)
            missing = threads * count
        }

        func see(_ thread: Int, _ index: Int) {
            if index != seen[thread] + 1 { isInOrder = false }
            seen[thread] = index
            missing -= 1
            if missing == 0 { isComplete.open() }
        }
    }

    @Test func `threads that send while the loop ends are answered, every one`() async throws {
        for _ in 0..<50 {
            let group = try EventLoopGroup(count: 1)
            let loop = group.loops[0]
            let (ran, begun) = (Counter(), Gate())
            let sent = Locked(0)
            async let threads: Void = onThreads(8) { _ in
                while true {
                    guard loop.post({ ran.add() }) else { return }
                    sent.withLock { $0 += 1 }
                    begun.open()
                    // What was taken is run, so this ends.
                    while sent.withLock({ $0 }) - ran.value > 100 { sched_yield() }
                }
            }
            await begun.wait()
            await group.shutdown()
            try await threads
            #expect(ran.value == sent.withLock { $0 })
        }
    }

    @Test func `tasks that call while the loop ends all come back`() async throws {
        for _ in 0..<30 {
            let group = try EventLoopGroup(count: 1)
            let loop = group.loops[0]
            let begun = Gate()
            let counts = try await withThrowingTaskGroup(of: Int.self) { tasks in
                for _ in 0..<8 {
                    tasks.addTask {
                        var count = 0
                        while try await Outcome({ try await loop.submit {} }) == .ok {
                            count += 1
                            begun.open()
                        }
                        await expect(.loopClosed) { try await loop.submit {} }
                        return count
                    }
                }
                await begun.wait()
                await group.shutdown()
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            #expect(counts.count == 8)
        }
    }
}
