// Time limits away from the loops: actors, the main actor, plain tasks.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct TimeoutElsewhereTests {
    private actor Counter {
        var count = 0

        func expire() async -> Bool {
            do {
                try await withTimeout(.milliseconds(2)) {
                    self.assertIsolated()
                    count += 1
                    try await EventLoop.sleep(for: .seconds(3600))
                }
                return false
            } catch {
                return error is TimeoutError
            }
        }

        func finish() async throws -> Int {
            try await withTimeout(.seconds(3600)) {
                await Task.yield()
                self.assertIsolated()
                count += 1
                return count
            }
        }
    }

    @Test func `an actor's body stays on the actor`() async throws {
        let counter = Counter()
        #expect(try await counter.finish() == 1)
        #expect(await counter.expire())
        #expect(await counter.count == 2)
    }

    @Test @MainActor func `the main actor's body stays there`() async throws {
        var steps = 0
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(2)) {
                MainActor.assertIsolated()
                steps += 1
                try await EventLoop.sleep(for: .seconds(3600))
            }
        }
        #expect(try await withTimeout(.seconds(3600)) { steps + 1 } == 2)
    }

    @Test func `a plain task that computes is told in time`() async throws {
        await #expect(throws: TimeoutError.self) {
            try await Task.detached {
                try await withTimeout(.milliseconds(2)) {
                    while true { try Task.checkCancellation() }
                }
            }.value
        }
    }

    @Test func `plain tasks by the thousand end one way each`() async throws {
        let ended = Locked(0)
        await withTaskGroup { group in
            for number in 0..<1000 {
                group.addTask {
                    do {
                        try await withTimeout(.microseconds(500 + number)) {
                            try await EventLoop.sleep(for: .microseconds(1500 - number))
                        }
                    } catch {
                        #expect(error is TimeoutError)
                    }
                    ended.withLock { $0 += 1 }
                }
            }
        }
        #expect(ended.withLock { $0 } == 1000)
    }

    @Test func `an actor that lives on a loop may set limits there`() async throws {
        actor Pinned {
            let loop: EventLoop
            private let serial: any SerialExecutor
            init(_ loop: EventLoop) {
                self.loop = loop
                serial = loop.serialExecutor
            }
            nonisolated var unownedExecutor: UnownedSerialExecutor {
                unsafe serial.asUnownedSerialExecutor()
            }
            func expire() async -> Bool {
                do {
                    try await withTimeout(.milliseconds(2)) {
                        #expect(loop.isCurrent)
                        try await EventLoop.sleep(for: .seconds(3600))
                    }
                    return false
                } catch {
                    return error is TimeoutError && loop.isCurrent
                }
            }
        }
        let group = try EventLoopGroup(count: 1)
        let pinned = Pinned(group.loops[0])
        #expect(await pinned.expire())
        await group.shutdown()
    }

    @Test func `the end of the loop that measures ends the body with its error`() async throws {
        let group = try EventLoopGroup(count: 1, grace: .milliseconds(1))
        let began = Promised()
        let task = try await group.loops[0].submit {
            // Off the loop, but the loop is home: it measures.
            Task.detached { [home = EventLoop.current] in
                try await HomeLoop.$current.withValue(home) {
                    try await withTimeout(.seconds(3600)) {
                        began.mark()
                        while true {
                            try Task.checkCancellation()
                            await Task.yield()
                        }
                    }
                }
            }
        }
        await began.wait()
        await group.shutdown()
        await #expect(throws: ReactorError.self) { try await task.value }
    }
}
