// What the suite traits promise to every other test.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct FreshLoopTests {
    @Test func `the body of a test runs on its loop`() async throws {
        let loop = try #require(EventLoop.current)
        await Task.yield()
        #expect(EventLoop.current == loop)
        #expect(try await Task { try EventLoop.forNewObjects() }.value == loop)
    }

    @Test func `a synchronous body runs there too`() {
        #expect(EventLoop.current != nil)
    }

    @Suite struct Nested {
        @Test func `the traits of a suite reach the tests of a nested one`() async {
            #expect(EventLoop.current != nil)
        }
    }

    @Test func `what a test leaves open is named`() async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        #expect(await FreshLoop.leftovers(on: loop).isEmpty)
        let listener = try await loop.submit {
            try await TCPListener.bind(to: .loopback(port: 0))
        }
        let sleeper = loop.spawn(name: "sleeper") { try await EventLoop.sleep(for: .seconds(60)) }
        let found = await FreshLoop.leftovers(on: loop, within: .zero)
        #expect(found == ["ListenerCore", "task sleeper", "1 timers", "1 poll handles"])
        listener.close()
        sleeper.cancel()
        #expect(await FreshLoop.leftovers(on: loop).isEmpty)
        await group.shutdown()
    }

    @Test func `a dropped object is no leak`() async throws {
        _ = try await TCPListener.bind(to: .loopback(port: 0))
    }
}
