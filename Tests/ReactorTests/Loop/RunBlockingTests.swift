// Synchronous code that calls a loop: from which threads, and from which it is refused.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct RunBlockingTests {
    enum Trace { @TaskLocal static var value = "none" }

    private func refusal<Result>(_ body: () throws -> Result) -> ReactorError.Code? {
        do {
            _ = try body()
            return nil
        } catch { return ReactorError.Code(error) }
    }

    @Test func `a foreign thread gets the result, the error and its context`() async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let result = try await onThread {
            try Trace.$value.withValue("mine") {
                try loop.runBlocking {
                    #expect(loop.isCurrent && HomeLoop.current == loop)
                    try await EventLoop.sleep(for: .milliseconds(1))
                    return Trace.value
                }
            }
        }
        #expect(result == "mine")
        await #expect(throws: Mishap.self) {
            try await onThread { try loop.runBlocking { throw Mishap() } }
        }
        // Many at a time.
        let sum = Counter()
        try await onThreads(8) { number in
            for _ in 0..<50 { sum.add((try? loop.runBlocking { number }) ?? 0) }
        }
        #expect(sum.value == 50 * 28)
        await group.shutdown()
    }

    @Test func `any loop's thread refuses to be blocked`() async throws {
        let group = try EventLoopGroup(count: 2)
        let (first, second) = (group.loops[0], group.loops[1])
        for target in [first, second] {
            let code = try await first.submit { refusal { try target.runBlocking { 1 } } }
            #expect(code == .loopRunning)
        }
        // Inside a blocking body the loop goes on: there it may be called.
        let value = try await first.submit { try await blocking { try first.runBlocking { 2 } } }
        #expect(value == 2)
        await group.shutdown()
    }

    @Test func `an ended loop refuses, and does not hang whoever comes while it ends`() async throws
    {
        for _ in 0..<50 {
            let group = try EventLoopGroup(count: 1)
            let loop = group.loops[0]
            let ends = Record<ReactorError.Code?>()
            async let calls: Void = onThreads(3) { _ in
                for _ in 0..<20 {
                    ends.add(refusal { try loop.runBlocking { await Task.yield() } })
                }
            }
            await group.shutdown()
            try await calls
            #expect(ends.all.count == 60)
            #expect(ends.all.allSatisfy { $0 == nil || $0 == .loopClosed })
            let late = try await onThread { refusal { try loop.runBlocking { 1 } } }
            #expect(late == .loopClosed)
        }
    }

    @Test func `the thread for tasks of ended loops refuses to be blocked`() async throws {
        let group = try EventLoopGroup(count: 1)
        let other = try EventLoopGroup(count: 1)
        let (ended, living) = (group.loops[0], other.loops[0])
        await group.shutdown()
        let refusal = await Task(executorPreference: ended) {
            self.refusal { try living.runBlocking { 1 } }
        }.value
        #expect(refusal == .loopClosed)
        await other.shutdown()
    }
}
