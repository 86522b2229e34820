// Where code runs, and which loop it calls home.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct CurrentLoopTests {
    @Test func `a task on a loop has it as its current one, before and after each wait`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        #expect(loop.isCurrent)
        await Task.yield()
        #expect(EventLoop.current == loop)
        await Task.detached {}.value
        #expect(EventLoop.current == loop)
        try await EventLoop.sleep(for: .microseconds(10))
        #expect(EventLoop.current == loop)
        await MainActor.run { #expect(EventLoop.current == nil) }
        #expect(EventLoop.current == loop)
    }

    @Test func `elsewhere there is no current loop`() async throws {
        let loop = try #require(EventLoop.current)
        await Task {
            #expect(EventLoop.current == nil)
            #expect(!loop.isCurrent)
        }.value
        await Task.detached { #expect(EventLoop.current == nil) }.value
        try await onThread { #expect(EventLoop.current == nil) }
        await MainActor.run { #expect(EventLoop.current == nil) }
    }

    @Test func `a plain actor serves a task of the loop on the loop, and others elsewhere`()
        async throws
    {
        actor Plain {
            func current() -> EventLoop? { EventLoop.current }
        }
        let loop = try #require(EventLoop.current)
        let plain = Plain()
        for _ in 0..<100 {
            // SE-0417: an actor without an executor of its own uses the calling task's.
            #expect(await plain.current() == loop)
            #expect(await Task.detached { await plain.current() }.value == nil)
            #expect(loop.isCurrent)
        }
    }

    @Test func `work on another loop has that one`() async throws {
        let loop = try #require(EventLoop.current)
        let group = try EventLoopGroup(count: 1)
        let other = group.loops[0]
        try await other.submit { #expect(EventLoop.current == other) }
        #expect(EventLoop.current == loop)
        await group.shutdown()
    }

    // MARK: Home

    @Test func `a plain task and its children keep their loop for a home`() async throws {
        let loop = try #require(EventLoop.current)
        try await Task {
            #expect(try EventLoop.forNewObjects() == loop)
            let inner = try await Task { try EventLoop.forNewObjects() }.value
            #expect(inner == loop)
            async let child = EventLoop.forNewObjects()
            #expect(try await child == loop)
        }.value
    }

    @Test func `a detached task has no home, and gets a shared loop`() async throws {
        let loop = try await Task.detached { try EventLoop.forNewObjects() }.value
        #expect(EventLoopGroup.shared.loops.contains(loop))
    }

    @Test func `each way to start work binds its own loop as home`() async throws {
        let group = try EventLoopGroup(count: 1)
        let other = group.loops[0]
        let home: @Sendable () async throws -> EventLoop = {
            try await Task { try EventLoop.forNewObjects() }.value
        }
        #expect(try await other.submit(home) == other)
        #expect(try await other.spawn(home).value == other)
        #expect(try await other.spawn(after: .microseconds(1), home).value == other)
        let running = try await onThread {
            try EventLoop.run { (try await home(), EventLoop.current) }
        }
        #expect(running.0 == running.1)
        #expect(try await home() == EventLoop.current)
        await group.shutdown()
    }

    @Test func `a handler of serve has its listener's loop for a home`() async throws {
        let loop = try #require(EventLoop.current)
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let homes = Record<EventLoop>()
        let seen = Gate()
        let server = Task.detached {
            try await listener.serve { _ in
                homes.add(try await Task { try EventLoop.forNewObjects() }.value)
                seen.open()
            }
        }
        try await TCPStream.withConnection(to: listener.localAddress) { _ in await seen.wait() }
        server.cancel()
        _ = await server.result
        #expect(homes.all == [loop])
    }

    @Test func `loops have names and numbers of their own`() async throws {
        let group = try EventLoopGroup(count: 3, name: "worker")
        #expect(group.loops.map(\.name) == ["worker-0", "worker-1", "worker-2"])
        #expect(Set(group.loops.map(\.id)).count == 3)
        #expect(Set(group.loops).count == 3)
        #expect("\(group.loops[1])" == "worker-1")
        #expect((0..<6).map { _ in group.next() } == group.loops + group.loops)
        await group.shutdown()
    }
}
