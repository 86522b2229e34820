// `serve`: one handler per connection, its limit, its drain, and what a bad handler cannot do.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPServeTests {
    private func listening() async throws -> TCPListener {
        try await TCPListener.bind(to: .loopback(port: 0))
    }

    /// Serves in the background, on the listener's loop.
    private func serving(
        _ listener: TCPListener, limit: Int = 10_000, drain: Duration = .seconds(2),
        _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) -> Task<Void, any Error> {
        listener.loop.spawn { try await listener.serve(limit: limit, drain: drain, handler) }
    }

    /// Connects, sends three bytes and expects them back.
    private func checkEcho(_ address: SocketAddress) async throws {
        try await TCPStream.withConnection(to: address) { stream in
            try await stream.write([1, 2, 3])
            #expect(try await stream.readExactly(3) == [1, 2, 3])
        }
    }

    @Test func `a handler runs on the listener's loop and its stream closes with it`() async throws
    {
        let listener = try await listening()
        let loop = listener.loop
        let task = serving(listener) { stream in
            #expect(EventLoop.current == loop)
            try await stream.write([9])
        }
        try await TCPStream.withConnection(to: listener.localAddress) { client in
            let bytes = try await client.readAll()
            #expect(bytes == [9])
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await expect(.closed) { try await listener.accept() }
    }

    @Test func `a handler that throws ends its own connection only`() async throws {
        let listener = try await listening()
        let task = serving(listener) { stream in
            let bytes = try await stream.readExactly(1)
            if bytes == [0] { throw Mishap() }
            try await stream.write(bytes)
        }
        try await TCPStream.withConnection(to: listener.localAddress) { bad in
            try await bad.write([0])
            #expect(try await bad.read(upTo: 1) == nil)
        }
        for number in 1...100 as ClosedRange<UInt8> {
            try await TCPStream.withConnection(to: listener.localAddress) { client in
                try await client.write([number])
                #expect(try await client.readAll() == [number])
            }
        }
        #expect(try await listener.statistics().failedHandlers == 1)
        task.cancel()
        _ = await task.result
    }

    @Test func `no more than the limit are open at once, the rest are served after`() async throws {
        let listener = try await listening()
        let open = Count()
        let most = Count()
        let task = serving(listener, limit: 3) { stream in
            open.value += 1
            most.value = max(most.value, open.value)
            try await echo(stream)
            open.value -= 1
        }
        let clients = try (0..<20).map { _ in try Descriptor.client(of: listener.localAddress) }
        try await until { open.value == 3 }
        try await turnLoop()
        #expect(try await listener.statistics().accepted == 3)
        for (index, client) in clients.enumerated() {
            client.send([UInt8(index)])
            var answer: [UInt8]?
            try await until {
                answer = client.receive()
                return answer != nil
            }
            #expect(answer == [UInt8(index)])
            client.close()
        }
        try await until { open.value == 0 }
        #expect(most.value == 3)
        #expect(try await listener.statistics().accepted == 20)
        task.cancel()
        _ = await task.result
    }

    @Test func `connections taken before count towards the limit`() async throws {
        let listener = try await listening()
        async let first = listener.accept()
        try await until { listener.handle.here.isAwaited }
        var clients = try (0..<9).map { _ in try Descriptor.client(of: listener.localAddress) }
        await (try first).close()
        try await until { listener.handle.here.statistics.accepted == 9 }
        let task = serving(listener, limit: 1) { try await echo($0) }
        // Before that the next one would be taken like those.
        try await until {
            listener.loop.core.participants.all.contains { $0 is ConnectionService }
        }
        clients.append(try Descriptor.client(of: listener.localAddress))
        try await turnLoop()
        #expect(try await listener.statistics().accepted == 9)
        for client in clients { client.close() }
        try await until { listener.handle.here.statistics.accepted == 10 }
        task.cancel()
        _ = await task.result
    }

    @Test(arguments: [0, -1, Int.min])
    func `a limit below one is refused`(_ limit: Int) async throws {
        let listener = try await listening()
        await expect(.invalidArgument) { try await listener.serve(limit: limit) { _ in } }
        listener.close()
    }

    @Test(arguments: [
        Duration.zero, .seconds(-1), .seconds(Int64.max), .seconds(Int64.min), .nanoseconds(1),
    ])
    func `any drain time and the largest limit are taken`(_ drain: Duration) async throws {
        let listener = try await listening()
        let task = serving(listener, limit: .max, drain: drain) { try await echo($0) }
        try await checkEcho(listener.localAddress)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `handlers have the drain time to end, and nobody new comes in`() async throws {
        let listener = try await listening()
        let task = serving(listener, drain: .seconds(30)) { try await echo($0) }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await client.write([1])
        #expect(try await client.read(upTo: 9) == [1])
        task.cancel()
        try await untilRefused { try await TCPStream.connect(to: listener.localAddress) }
        // The handler has not been cancelled.
        try await client.write([2])
        #expect(try await client.read(upTo: 9) == [2])
        await client.close()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `handlers are cancelled after the drain time, not before`() async throws {
        let listener = try await listening()
        let start = ContinuousClock.now
        let wasCancelled = Count()
        let task = serving(listener, drain: .milliseconds(40)) { stream in
            do { try await echo(stream) } catch is CancellationError { wasCancelled.value += 1 }
        }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await until { listener.handle.here.statistics.accepted == 1 }
        task.cancel()
        #expect(try await client.read(upTo: 1) == nil)
        #expect(ContinuousClock.now - start >= .milliseconds(40))
        #expect(wasCancelled.value == 1)
        await client.close()
        _ = await task.result
        #expect(try await listener.statistics().failedHandlers == 0)
    }

    @Test(.tags(.slow))
    func `a handler that ignores cancellation loses its stream`() async throws {
        let listener = try await listening()
        let hasStarted = Count()
        let task = serving(listener, drain: .zero) { stream in
            hasStarted.value += 1
            // Only the stream's end gets it out of here.
            while !stream.core.isClosed { await Task.yield() }
        }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await until { hasStarted.value == 1 }
        task.cancel()
        await expect(.connectionReset) { try await client.read(upTo: 1) }
        await client.close()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `closing the listener drains and ends serve`() async throws {
        let listener = try await listening()
        let task = serving(listener) { try await echo($0) }
        try await checkEcho(listener.localAddress)
        listener.close()
        await expect(.closed) { try await task.value }
    }

    @Test func `one serves or accepts at a time`() async throws {
        let listener = try await listening()
        let task = serving(listener) { try await echo($0) }
        try await until { listener.handle.here.isAwaited }
        await expect(.busy) { try await listener.accept() }
        try await checkEcho(listener.localAddress)
        task.cancel()
        _ = await task.result
    }

    @Test func `a cancelled task does not begin to serve`() async throws {
        let listener = try await listening()
        let task = Task { try await listener.serve { _ in } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        listener.close()
    }

    @Test func `a group serves one port on every loop`() async throws {
        let group = try EventLoopGroup(count: 3)
        let loops = Locked<Set<EventLoop>>([])
        let listener = try await TCPListener.bind(to: .loopback(port: 0), reusePort: true)
        let task = listener.loop.spawn {
            try await listener.serve(on: group) { stream in
                let loop = try #require(EventLoop.current)
                loops.withLock { _ = $0.insert(loop) }
                try await echo(stream)
            }
        }
        // This listener's loop is not in the group: the first connections may be its, and refused.
        while loops.withLock({ $0.count }) < 3 {
            _ = try? await checkEchoIfServed(listener.localAddress)
        }
        #expect(loops.withLock { $0 } == Set(group.loops))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await untilRefused { try await TCPStream.connect(to: listener.localAddress) }
        await group.shutdown()
    }

    private func checkEchoIfServed(_ address: SocketAddress) async throws {
        try await TCPStream.withConnection(to: address) { stream in
            try await stream.write([1])
            _ = try await stream.read(upTo: 1)
        }
    }

    @Test func `serving on a group needs a port that can be shared`() async throws {
        let group = try EventLoopGroup(count: 1)
        let listener = try await listening()
        await expect(.invalidArgument) { try await listener.serve(on: group) { _ in } }
        listener.close()
        await group.shutdown()
    }

    @Test func `a group that has ended fails serve, and the listener is free again`() async throws {
        let group = try EventLoopGroup(count: 2)
        await group.shutdown()
        let listener = try await TCPListener.bind(to: .loopback(port: 0), reusePort: true)
        await expect(.loopClosed) { try await listener.serve(on: group) { _ in } }
        let client = try Descriptor.client(of: listener.localAddress)
        await (try listener.accept()).close()
        client.close()
        listener.close()
    }

    @Test(arguments: [true, false])
    func `the end of the caller's loop ends serve on another one`(isThere: Bool) async throws {
        let listener = try await listening()
        let group = try EventLoopGroup(count: 1, grace: .zero)
        let caller = group.loops[0]
        let hasBegun = Gate()
        let serve: @Sendable () async throws -> Void = {
            try await listener.serve(drain: .zero) { _ in
                hasBegun.open()
                try await forever()
            }
        }
        // No task of the loop's own, which it would cancel.
        let serving = try await caller.submit {
            isThere
                ? Task(executorPreference: caller) { try await serve() }
                : Task { try await serve() }
        }
        let client = try await TCPStream.connect(to: listener.localAddress)
        await hasBegun.wait()
        await group.shutdown()
        await expect(.loopClosed) { try await serving.value }
        #expect(try await client.read(upTo: 1) == nil)
        await client.close()
        let address = listener.localAddress
        try await untilRefused { try await TCPStream.connect(to: address) }
    }
}
