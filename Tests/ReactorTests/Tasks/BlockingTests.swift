// Blocking bodies: results, errors, cancellation before and during, what they can see.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct BlockingTests {
    private struct Mine: Error, Equatable { var code = 5 }
    private enum Context { @TaskLocal static var value = 0 }

    @Test func `a body runs on another thread and gives its result`() async throws {
        let loop = EventLoop.current
        let inside = try await blocking { EventLoop.current }
        #expect(inside == nil)
        #expect(EventLoop.current == loop)
        #expect(try await abandoningBlocking { 7 } == 7)
    }

    @Test func `a body may use what its caller borrowed`() async throws {
        var numbers = [1, 2, 3]
        let count = try await blocking {
            numbers.append(4)
            return numbers.count
        }
        #expect(count == 4 && numbers == [1, 2, 3, 4])
        func fill(_ bytes: inout MutableSpan<UInt8>) async throws {
            try await blocking { bytes[0] = 9 }
        }
        var bytes: [UInt8] = [0, 0]
        var span = bytes.mutableSpan
        try await fill(&span)
        #expect(bytes == [9, 0])
    }

    @Test func `a result need not be sendable`() async throws {
        final class Box { var value = 3 }
        let box = try await blocking { Box() }
        box.value += 1
        #expect(box.value == 4)
    }

    @Test func `a body's error reaches its caller and harms nobody else`() async throws {
        let pool = BlockingPool(name: "errors", maxThreads: 1)
        await #expect(throws: Mine(code: 5)) {
            try await blocking(on: pool) { () throws(Mine) in throw Mine() }
        }
        await #expect(throws: Mine(code: 6)) {
            try await abandoningBlocking(on: pool) { throw Mine(code: 6) }
        }
        #expect(try await blocking(on: pool) { 1 } == 1)
        #expect(await pool.shutdown())
    }

    @Test func `a body sees its caller's task-local values, the next one does not`() async throws {
        let pool = BlockingPool(name: "context", maxThreads: 1)
        for value in [1, 2] {
            let seen = try await Context.$value.withValue(value) {
                try await blocking(on: pool) { Context.value }
            }
            #expect(seen == value)
        }
        #expect(try await blocking(on: pool) { Context.value } == 0)
        #expect(try await abandoningBlocking(on: pool) { Context.value } == 0)
        #expect(await pool.shutdown())
    }

    @Test func `a cancelled caller's body never begins`() async throws {
        let hasRun = Locked(false)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            await #expect(throws: CancellationError.self) {
                try await blocking { hasRun.withLock { $0 = true } }
            }
            await #expect(throws: CancellationError.self) {
                try await abandoningBlocking { hasRun.withLock { $0 = true } }
            }
        }
        task.cancel()
        await task.value
        #expect(!hasRun.withLock { $0 })
    }

    @Test(arguments: [false, true])
    func `cancelling a queued body returns at once, and it never runs`(abandons: Bool) async throws
    {
        let pool = BlockingPool(name: "queued", maxThreads: 1)
        let gate = Gate()
        let first = Task { try await blocking(on: pool) { gate.waitBlocking() } }
        try await until { pool.statistics.running == 1 }
        let hasRun = Locked(false)
        let second = Task {
            if abandons {
                try await abandoningBlocking(on: pool) { hasRun.withLock { $0 = true } }
            } else {
                try await blocking(on: pool) { hasRun.withLock { $0 = true } }
            }
        }
        try await until { pool.statistics.queued == 1 }
        second.cancel()
        // The only thread is still busy.
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(pool.statistics.queued == 0)
        gate.open()
        try await first.value
        #expect(try await blocking(on: pool) { 1 } == 1)
        #expect(!hasRun.withLock { $0 })
        #expect(await pool.shutdown())
    }

    @Test func `cancelling a running body tells it, and waits`() async throws {
        let pool = BlockingPool(name: "running", maxThreads: 1)
        let hasBegun = Locked(false)
        let task = Task {
            try await blocking(on: pool) {
                hasBegun.withLock { $0 = true }
                while !Task.isCancelled {}
                return 8
            }
        }
        // Its thread is taken before that: a cancellation then would keep it from beginning.
        try await until { hasBegun.withLock { $0 } }
        task.cancel()
        #expect(try await task.value == 8)
        #expect(await pool.shutdown())
        #expect(pool.statistics == .init())
    }

    @Test func `an abandoned body goes on without its caller, and is counted`() async throws {
        let pool = BlockingPool(name: "abandoned", maxThreads: 2)
        let (begun, gate) = (Gate(), Gate())
        let sawCancellation = Locked(false)
        let task = Task {
            try await abandoningBlocking(on: pool) {
                begun.open()
                gate.waitBlocking()
                let isCancelled = Task.isCancelled
                sawCancellation.withLock { $0 = isCancelled }
            }
        }
        // Its thread is taken before that: a cancellation then would keep it from beginning.
        await begun.wait()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(pool.statistics.abandoned == 1)
        #expect(try await blocking(on: pool) { 1 } == 1)
        gate.open()
        #expect(await pool.shutdown())
        #expect(pool.statistics == .init())
        #expect(sawCancellation.withLock { $0 })
    }

    @Test func `a time limit covers blocking work`() async throws {
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(2)) {
                try await blocking {
                    while !Task.isCancelled {}; try Task.checkCancellation()
                }
            }
        }
        let gate = Gate()
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(2)) {
                try await abandoningBlocking { gate.waitBlocking() }
            }
        }
        gate.open()
    }

    @Test func `cancelling at any moment ends a body one way`() async throws {
        let pool = BlockingPool(name: "storm", maxThreads: 3)
        let ran = Locked(0)
        let ended = Locked(0)
        for round in 0..<10 {
            await withTaskGroup { group in
                for number in 0..<200 {
                    let abandons = (round + number) % 2 == 0
                    let task = Task {
                        do {
                            if abandons {
                                try await abandoningBlocking(on: pool) { ran.withLock { $0 += 1 } }
                            } else {
                                try await blocking(on: pool) { ran.withLock { $0 += 1 } }
                            }
                        } catch {
                            #expect(error is CancellationError)
                        }
                        ended.withLock { $0 += 1 }
                    }
                    group.addTask {
                        for _ in 0..<(number % 7) { await Task.yield() }
                        task.cancel()
                        await task.value
                    }
                }
            }
        }
        #expect(ended.withLock { $0 } == 2000)
        #expect(ran.withLock { $0 } <= 2000)
        #expect(await pool.shutdown())
        #expect(pool.statistics == .init())
        #expect(pool.state.withLock { $0.stale } == 0)
    }

    @Test func `a body is released when it ends, runs or not`() async throws {
        final class Canary: Sendable {}
        let pool = BlockingPool(name: "release", maxThreads: 1)
        weak var ran: Canary?
        do {
            let canary = Canary()
            ran = canary
            try await abandoningBlocking(on: pool) { _ = canary }
        }
        #expect(await pool.shutdown())
        #expect(ran == nil)
    }
}
