// Writes from elsewhere that do not wait for the loop: how far they go, and what stops them.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SendAheadTests {
    /// Keeps the loop's thread busy, so that nothing sent to it is done, while `body` runs away
    /// from it.
    private func whileLoopIsBusy(
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let loop = try #require(EventLoop.current)
        let gate = Gate()
        let task = Task.detached {
            loop.post { gate.waitBlocking() }
            defer { gate.open() }
            try await body()
        }
        try await task.value
    }

    @Test func `a small write returns before the loop has seen it`() async throws {
        let (client, server) = try await tcpPair()
        try await whileLoopIsBusy {
            for index in 0..<64 {
                try await client.write([UInt8](repeating: UInt8(index), count: 1000))
            }
        }
        let received = try await server.readExactly(64_000)
        #expect(received == (0..<64).flatMap { [UInt8](repeating: UInt8($0), count: 1000) })
        client.abort()
        server.abort()
    }

    @Test func `no more than 64 KiB are under way before a writer waits`() async throws {
        let (client, server) = try await tcpPair()
        let returned = Counter()
        let writer = Locked<Task<Void, any Error>?>(nil)
        try await whileLoopIsBusy {
            let task = Task.detached {
                for _ in 0..<100 {
                    try await client.write([UInt8](repeating: 7, count: 1024))
                    returned.add()
                }
            }
            writer.withLock { $0 = task }
            try await until { returned.value == 64 }
            // The 65th waits for the loop, which is busy until this returns.
            for _ in 0..<100 { await Task.yield() }
            #expect(returned.value == 64)
        }
        #expect(try await server.readExactly(102_400).allSatisfy { $0 == 7 })
        try await writer.withLock { $0 }?.value
        #expect(returned.value == 100)
        client.abort()
        server.abort()
    }

    @Test func `writes from elsewhere stay in order with those of the loop`() async throws {
        let (client, server) = try await tcpPair()
        let reading = Task { try await server.readExactly(400 * 3000) }
        for round in 0..<200 {
            try await Task.detached {
                try await client.write([UInt8](repeating: UInt8(round), count: 3000))
            }.value
            try await client.write([UInt8](repeating: UInt8(round), count: 3000))
        }
        let received = try await reading.value
        #expect(received == (0..<200).flatMap { [UInt8](repeating: UInt8($0), count: 6000) })
        client.abort()
        server.abort()
    }

    @Test func `a write, a finish and a close of the loop come after what was sent ahead`()
        async throws
    {
        let (client, server) = try await tcpPair()
        let (other, otherPeer) = try await tcpPair()
        for _ in 0..<50 {
            let sent = Gate()
            // Blocks the loop's thread, so that the bytes are still on their way afterwards.
            Task.detached {
                try await client.write([1])
                try await other.write([3])
                sent.open()
            }
            sent.waitBlocking()
            #expect(client.core.ahead.isUnderWay && other.core.ahead.isUnderWay)
            try await client.write([2])
            try await other.write(contentsOf: [[4], [5]])
        }
        let last = Gate()
        Task.detached {
            try await client.write([6])
            try await other.write([7])
            last.open()
        }
        last.waitBlocking()
        try await client.finish()
        await other.close()
        #expect(try await server.readAll() == (0..<50).flatMap { _ in [1, 2] } + [6])
        #expect(try await otherPeer.readAll() == (0..<50).flatMap { _ in [3, 4, 5] } + [7])
        for stream in [client, server, other, otherPeer] { stream.abort() }
    }

    @Test func `while bytes are queued a writer elsewhere waits like any other`() async throws {
        let (client, server) = try await tcpPair()
        try await client.writeUntilBlocked()
        let filler = Task { try await client.write([UInt8](repeating: 1, count: 65_536)) }
        try await until { client.core.outbound.waiting == 1 }
        let late = Task.detached { try await client.write([2]) }
        try await until { client.core.outbound.waiting == 2 }
        late.cancel()
        #expect(try await Outcome { try await late.value } == .cancelled)
        filler.cancel()
        _ = await filler.result
        client.abort()
        server.abort()
    }

    @Test func `what goes wrong with a write sent ahead is thrown by the next call`() async throws {
        let (client, server) = try await tcpPair()
        server.abort()
        try await until { !client.core.inbound.isOpen }
        let failure = try await Task.detached {
            // Nothing is queued: this one does not wait, and the kernel refuses it on the loop.
            try await client.write([1])
            try await client.loop.submit {}
            return try await Outcome { try await client.write([2]) }
        }.value
        #expect(failure == .failed(.brokenPipe))
        await expect(.brokenPipe) { try await client.finish() }
        await client.close()
    }

    @Test func `after close, abort and finish nothing is sent ahead`() async throws {
        let (first, firstPeer) = try await tcpPair()
        let (second, secondPeer) = try await tcpPair()
        let (third, thirdPeer) = try await tcpPair()
        try await Task.detached {
            try await first.write([1])
            await first.close()
            await expect(.closed) { try await first.write([2]) }
            try await second.write([1])
            second.abort()
            await expect(.closed) { try await second.write([2]) }
            try await third.write([1])
            try await third.finish()
            await expect(.finished) { try await third.write([2]) }
        }.value
        #expect(try await firstPeer.readAll() == [1])
        #expect(try await thirdPeer.readAll() == [1])
        for stream in [first, firstPeer, second, secondPeer, third, thirdPeer] { stream.abort() }
    }

    @Test func `on an ended loop a write fails at once`() async throws {
        let group = try EventLoopGroup(count: 1)
        let (client, server) = try await group.loops[0].submit { try await tcpPair() }
        await group.shutdown()
        await Task.detached {
            await expect(.loopClosed) { try await client.write([1]) }
        }.value
        server.abort()
    }
}
