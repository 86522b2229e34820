// Connecting: refusals, attempts that hang, cancellation, and the scope that closes.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPConnectTests {
    @Test func `nobody listening is an error`() async throws {
        let (address, socket) = try closedPort()
        defer { socket.close() }
        let error = await #expect(throws: ReactorError.self) {
            try await TCPStream.connect(to: address)
        }
        #expect(error?.code == .connectionRefused)
        #expect(error?.description.contains(address.description) == true)
        await expect(.connectionRefused) {
            try await TCPStream.connect(host: "127.0.0.1", port: address.port)
        }
    }

    @Test func `port 0 and a host that is none are refused`() async throws {
        await expect(.invalidArgument) { try await TCPStream.connect(to: .loopback(port: 0)) }
        for host in ["", "1.2.3", "[::1]", "127.0.0.1\0", ":::"] {
            await expect(.invalidArgument) { try await TCPStream.connect(host: host, port: 9) }
            await expect(.invalidArgument) { try await TCPListener.bind(host: host, port: 0) }
        }
    }

    @Test func `an attempt that hangs ends when it is cancelled`() async throws {
        let (address, open) = try blackhole()
        defer { for descriptor in open { descriptor.close() } }
        let loop = try #require(EventLoop.current)
        let start = ContinuousClock.now
        let attempt = loop.spawn { try await TCPStream.connect(to: address) }
        try await EventLoop.sleep(for: .milliseconds(30))
        #expect(loop.core.participants.all.contains { $0 is ConnectCore })
        attempt.cancel()
        await #expect(throws: CancellationError.self) { try await attempt.value }
        #expect(ContinuousClock.now - start >= .milliseconds(30))
        #expect(!loop.core.participants.all.contains { $0 is ConnectCore })
    }

    @Test func `attempts are cancelled at any moment`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let (hole, open) = try blackhole()
        defer { for descriptor in open { descriptor.close() } }
        let loop = listener.loop
        let accepting = loop.spawn {
            for try await stream in listener.connections { stream.abort() }
        }
        var random = SeededGenerator(seed: 13)
        for round in 0..<400 {
            let address = round % 2 == 0 ? listener.localAddress : hole
            // On the loop, and from outside it.
            let attempt =
                round % 4 < 2
                ? loop.spawn { try await TCPStream.connect(to: address) }
                : Task { try await TCPStream.connect(to: address) }
            for _ in 0..<Int.random(in: 0..<6, using: &random) { await Task.yield() }
            attempt.cancel()
            if let stream = try? await attempt.value { stream.abort() }
        }
        listener.close()
        try await accepting.value
    }

    @Test func `an attempt under way fails when its loop shuts down`() async throws {
        let (address, open) = try blackhole()
        defer { for descriptor in open { descriptor.close() } }
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let task = Task(executorPreference: loop) { try await TCPStream.connect(to: address) }
        while try await loop.submit({ loop.core.participants.all.count == 0 }) {}
        await group.shutdown()
        await expect(.loopClosed) { try await task.value }
    }

    @Test func `a server that closes at once ends the client's read`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let closing = listener.loop.spawn {
            for try await stream in listener.connections { await stream.close() }
        }
        let request = Pattern.bytes(517)
        var ends = 0
        for _ in 0..<300 {
            let client = try await TCPStream.connect(to: listener.localAddress)
            do {
                try await client.write(request)
                if try await client.read(upTo: 1) == nil { ends += 1 }
            } catch let error as ReactorError {
                #expect([.connectionReset, .brokenPipe].contains(error.code))
                ends += 1
            }
            await client.close()
        }
        #expect(ends == 300)
        listener.close()
        try await closing.value
    }

    @Test func `a scoped connection is closed, however its body ends`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let serving = listener.loop.spawn { try await listener.serve(echo) }
        let address = listener.localAddress
        var kept: [TCPStream] = []
        let answer = try await TCPStream.withConnection(to: address) { stream in
            kept.append(stream)
            try await stream.write([1, 2, 3])
            return try await stream.readExactly(3)
        }
        #expect(answer == [1, 2, 3])
        await #expect(throws: Mishap.self) {
            try await TCPStream.withConnection(host: address.ip, port: address.port) { stream in
                kept.append(stream)
                throw Mishap()
            }
        }
        #expect(kept.map(\.core.isClosed) == [true, true])
        serving.cancel()
        _ = await serving.result
    }

    @Test func `a cancelled scope closes its connection too`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let address = listener.localAddress
        let task = listener.loop.spawn {
            try await TCPStream.withConnection(to: address) { _ = try await $0.read(upTo: 1) }
        }
        let server = try await listener.accept()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await server.read(upTo: 1) == nil)
        await server.close()
        listener.close()
    }
}

struct Mishap: Error {}
