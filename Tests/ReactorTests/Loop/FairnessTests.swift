// Nobody starves: work without end, timers and connections share the loop.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct FairnessTests {
    @Test func `a task that never rests starves neither a timer nor a connection`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let server = loop.spawn {
            try await listener.serve {
                for try await chunk in $0.chunks { try await $0.write(chunk) }
            }
        }
        let restless = loop.spawn { while !Task.isCancelled { await Task.yield() } }
        let queued = Counter()
        for _ in 0..<10_000 { loop.post { queued.add() } }

        var ticks = 0
        try await TCPStream.withConnection(to: listener.localAddress) { stream in
            for _ in 0..<20 {
                try await EventLoop.sleep(for: .milliseconds(1))
                ticks += 1
                try await stream.write([1, 2, 3])
                #expect(try await stream.read(upTo: 3)?.count == 3)
            }
        }
        #expect(ticks == 20)
        #expect(queued.value == 10_000)
        restless.cancel()
        server.cancel()
        try await restless.value
        _ = await server.result
    }

    @Test func `calls that call themselves again starve nobody`() async throws {
        let loop = try #require(EventLoop.current)
        let isOver = Flag()
        @Sendable func again() {
            if !isOver.isSet { loop.post(again) }
        }
        for _ in 0..<4 { loop.post(again) }
        for _ in 0..<10 { try await EventLoop.sleep(for: .milliseconds(1)) }
        isOver.isSet = true
    }

    @Test func `what is left of a batch does not wait for a timer`() async throws {
        let loop = try #require(EventLoop.current)
        let sleeper = loop.spawn { try await EventLoop.sleep(for: .seconds(3_600)) }
        let done = Gate()
        let count = Counter()
        // More than a batch, from the loop itself: nobody else wakes it.
        loop.post {
            for _ in 0..<5_000 {
                loop.post { if count.add() == 5_000 { done.open() } }
            }
        }
        await done.wait()
        sleeper.cancel()
        _ = await sleeper.result
    }

    @Test func `a job that blocks the loop delays timers, and keeps their order`() async throws {
        let loop = try #require(EventLoop.current)
        let order = Record<Int>()
        // Set in one step, so that none is due before all are there.
        let start = MonotonicTime.now
        for milliseconds in [3, 1, 2] {
            loop.core.timers.add(
                start.advanced(by: .milliseconds(milliseconds)),
                .call { order.add(milliseconds) })
        }
        while start.duration(to: .now) < .milliseconds(10) { spin(1_000) }
        #expect(order.all.isEmpty)
        try await until { order.all.count == 3 }
        #expect(order.all == [1, 2, 3])
    }
}
