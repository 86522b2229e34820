// Turning a thread into a loop's.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct EventLoopRunTests {
    private struct Failure: Error {}

    @Test func `run returns what its body returns`() async throws {
        #expect(try await onThread { try EventLoop.run { "done" } } == "done")
    }

    @Test func `run throws what its body throws`() async throws {
        await #expect(throws: Failure.self) {
            try await onThread { try EventLoop.run { throw Failure() } }
        }
    }

    @Test func `the body runs on the calling thread, and its loop is gone afterwards`()
        async throws
    {
        try await onThread {
            var loop: EventLoop?
            let inside = try EventLoop.run(name: "mine") {
                await Task.yield()
                return EventLoop.current
            }
            loop = inside
            #expect(loop?.name == "mine")
            #expect(loop?.isCurrent == false)
            #expect(EventLoop.current == nil)
        }
    }

    @Test func `run inside run is refused`() async throws {
        try await onThread {
            try EventLoop.run {
                let error = #expect(throws: ReactorError.self) { try nested() }
                #expect(error?.code == .loopRunning)
            }
            // And after it the thread is free for another.
            try EventLoop.run {}
        }
    }

    @Test func `run is refused on a group's thread`() async throws {
        let group = try EventLoopGroup(count: 1)
        try await group.loops[0].submit {
            let error = #expect(throws: ReactorError.self) { try nested() }
            #expect(error?.code == .loopRunning)
        }
        await group.shutdown()
    }

    @Test func `the report says what held the end up`() async throws {
        let gate = Gate()
        let report = try await onThread {
            let reports = Record<ShutdownReport>()
            try EventLoop.run(grace: .milliseconds(10)) {
                reports.add($0)
            } body: {
                let loop = try #require(EventLoop.current)
                let isParked = Gate()
                loop.spawn(name: "deaf") {
                    isParked.open()
                    await gate.wait()
                }
                await isParked.wait()
            }
            return reports.all.first
        }
        gate.open()
        let holdups = try #require(report).holdups
        #expect(holdups.map(\.name) == ["deaf"])
        #expect(holdups.map(\.kind) == [.task])
        #expect(try #require(report).elapsed >= .milliseconds(10))
        #expect("\(try #require(report))".contains("deaf"))
    }

    @Test func `an orderly end reports nobody`() async throws {
        let holdups = try await onThread {
            let reports = Record<ShutdownReport>()
            try EventLoop.run(grace: .seconds(3_600)) {
                reports.add($0)
            } body: {
                _ = EventLoop.current?.spawn { try await EventLoop.sleep(for: .seconds(3_600)) }
            }
            return reports.all.first?.holdups
        }
        #expect(holdups == [])
    }

    @Test func `a group runs beside its main loop and ends with the body`() async throws {
        let loops = try await onThread {
            try EventLoopGroup.run(count: 2, name: "many") { group in
                for loop in group.loops { try await loop.submit { #expect(loop.isCurrent) } }
                #expect(EventLoop.current?.name == "many-main")
                return group.loops
            }
        }
        #expect(loops.map(\.name) == ["many-0", "many-1"])
        for loop in loops { await expect(.loopClosed) { try await loop.submit {} } }
    }

    @Test func `a group of no loops is refused`() throws {
        let error = #expect(throws: ReactorError.self) { try EventLoopGroup(count: 0) }
        #expect(error?.code == .invalidArgument)
    }
}

/// `run` may not be named where one may await.
private func nested() throws { try EventLoop.run {} }
