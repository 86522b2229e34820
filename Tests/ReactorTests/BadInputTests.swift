// Numbers and texts at the edge of what their types hold: a typed error or the nearest sense.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct BadInputTests {
    static let durations: [Duration] = [
        .init(attoseconds: .min), .init(attoseconds: .max), .seconds(Int64.min),
        .seconds(Int64.max), .nanoseconds(-1), .zero, .init(attoseconds: 1),
    ]
    static let numbers = [Int.min, Int.min + 1, -1, 0, 1, Int(Int32.max) + 1, Int.max - 1, Int.max]

    // MARK: Time

    @Test(arguments: durations)
    func `any duration is a sleep, a limit, a deadline or a delay`(_ duration: Duration)
        async throws
    {
        let isLong = duration > .seconds(1)
        let loop = try #require(EventLoop.current)
        let sleep = Task(executorPreference: loop) { try await EventLoop.sleep(for: duration) }
        let delayed = loop.spawn(after: duration) {}
        if isLong {
            try await turnLoop(3)
            sleep.cancel()
            delayed.cancel()
            await #expect(throws: CancellationError.self) { try await sleep.value }
            await #expect(throws: CancellationError.self) { try await delayed.value }
            try await withTimeout(duration) { await Task.yield() }
        } else {
            try await sleep.value
            try await delayed.value
            if duration <= .zero {
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(duration) { await Task.yield() }
                }
            }
        }
        let deadline = Deadline.after(duration)
        #expect(deadline.hasPassed == !isLong || duration > .zero)
        _ = deadline.remaining
        _ = LoopClock.Instant.now.advanced(by: duration).advanced(by: duration)
        _ = LoopClock.Instant.distantFuture.duration(to: .now)
    }

    @Test(arguments: durations)
    func `any duration is a grace, an idle time, or a time to flush or drain`(
        _ duration: Duration
    ) async throws {
        let group = try EventLoopGroup(count: 1, grace: duration)
        _ = try await group.loops[0].submit { 1 }
        await group.shutdown()
        let pool = BlockingPool(name: "edge", maxThreads: 1, idleLimit: duration)
        #expect(try await blocking(on: pool) { 1 } == 1)
        #expect(await pool.shutdown())
        let (client, server) = try await tcpPair()
        try await client.write([1])
        await client.close(flushingFor: duration)
        await server.close(flushingFor: duration)
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let serving = listener.loop.spawn { try await listener.serve(drain: duration) { _ in } }
        try await turnLoop(3)
        serving.cancel()
        _ = await serving.result
    }

    // MARK: Numbers

    @Test(arguments: numbers)
    func `any number is a backlog, a limit, a port or a count of threads`(_ number: Int)
        async throws
    {
        let listening = await failure {
            let listener = try await TCPListener.bind(to: .loopback(port: 0), backlog: number)
            listener.close()
        }
        #expect(listening == ((1...Int(Int32.max)).contains(number) ? nil : .invalidArgument))
        if !(0...65_535).contains(number) {
            await expect(.invalidArgument) {
                try await TCPStream.connect(host: "::1", port: number)
            }
            await expect(.invalidArgument) { try await TCPListener.bind(host: "::1", port: number) }
            await expect(.invalidArgument) { try SocketAddress(ip: "::1", port: number) }
        }
        let pool = BlockingPool(name: "edge", maxThreads: number)
        #expect(try await blocking(on: pool) { 1 } == 1)
        #expect(await pool.shutdown())
        let resolver = SystemResolver(maxThreads: number)
        #expect(try await resolver.addresses(of: "localhost", port: 1).isEmpty == false)
        if number < 1 { await expect(.invalidArgument) { try EventLoopGroup(count: number) } }
    }

    @Test(arguments: numbers)
    func `any number is a count of bytes`(_ number: Int) async throws {
        func reader() async throws -> BufferedReader<InMemoryStream> {
            let (near, far) = InMemoryStream.pair()
            try await far.write([1, 2, 10, 3])
            try await far.finish()
            return BufferedReader(near)
        }
        // Each ends, with bytes or with a typed error.
        let calls: [(BufferedReader<InMemoryStream>) async throws -> Int?] = [
            { try await $0.read(upTo: number)?.count },
            { try await $0.read(exactly: number)?.count },
            { try await $0.peek(number).count },
            { try await $0.readToEnd(limitBytes: number).count },
            { try await $0.readLine(limitBytes: number)?.utf8.count },
            { try await $0.read(through: [10], limitBytes: number)?.count },
        ]
        for (index, call) in calls.enumerated() {
            let reader = try await reader()
            do {
                let count = try await call(reader)
                #expect((count ?? 0) <= 4 && number >= 0, "call \(index)")
            } catch let error as ReactorError {
                let codes: [ReactorError.Code] = [.invalidArgument, .incomplete, .limitExceeded]
                #expect(codes.contains(error.code), "call \(index)")
                // Nothing is lost.
                #expect(try await reader.readToEnd(limitBytes: 9) == [1, 2, 10, 3])
            }
        }
        let (client, server) = try await tcpPair()
        try await client.write([1, 2])
        if number < 1 {
            await expect(.invalidArgument) { try await server.read(upTo: number) }
        } else {
            #expect(try await server.read(upTo: number)?.isEmpty == false)
        }
        await client.close()
        await server.close()
    }

    @Test(arguments: numbers)
    func `any number is a socket option or a limit of connections`(_ number: Int) async throws {
        var edits: [(inout TCPOptions) -> Void] = [
            { $0.receiveBufferBytes = number }, { $0.sendBufferBytes = number },
            { $0.keepAlive = .init(count: number) },
        ]
        for duration in Self.durations {
            edits += [
                { $0.linger = duration }, { $0.keepAlive = .init(idle: duration) },
                { $0.keepAlive = .init(interval: duration) }, { $0.attemptDelay = duration },
            ]
        }
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        for edit in edits {
            var options = TCPOptions()
            edit(&options)
            do {
                let client = try await TCPStream.connect(
                    to: listener.localAddress, options: options)
                client.abort()
                try await listener.accept().abort()
            } catch let error as ReactorError {
                #expect(error.code == .invalidArgument || error.code == .refusedArgument)
            }
        }
        let serving = listener.loop.spawn { try await listener.serve(limit: number) { _ in } }
        try await turnLoop(3)
        serving.cancel()
        switch await serving.result {
        case .success: break
        case .failure(let error):
            #expect(error is CancellationError || ReactorError.Code(error) == .invalidArgument)
        }
        listener.close()
    }

    // MARK: NUL bytes

    @Test(arguments: ["\0", "a\0b", "127.0.0.1\0", "\0localhost"])
    func `a NUL byte is refused wherever a text goes to the system`(_ text: String) async throws {
        await expect(.invalidArgument) { try SocketAddress(ip: text, port: 1) }
        await expect(.invalidArgument) { try SocketAddress("\(text):1") }
        await expect(.invalidArgument) { try SocketAddress(path: "/tmp/\(text)") }
        await expect(.invalidArgument) { try await TCPStream.connect(host: text, port: 1) }
        await expect(.invalidArgument) { try await TCPListener.bind(host: text, port: 1) }
        await expect(.invalidArgument) {
            try await SystemResolver.shared.addresses(of: text, port: 1)
        }
        var options = TCPOptions()
        options.device = text
        await expect(.invalidArgument) {
            try await TCPStream.connect(to: .loopback(port: 1), options: options)
        }
        // Names of threads are for people: cut short, not refused.
        let group = try EventLoopGroup(count: 1, name: text)
        await group.shutdown()
    }
}
