// The same stream from every kind of caller: plain tasks, actors, the main actor, another loop.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPCallersTests {
    /// Every way to read and write, 20 times, from wherever the caller runs.
    nonisolated(nonsending) static func talk(_ stream: TCPStream) async throws {
        var buffer = [UInt8](repeating: 0, count: 1000)
        for _ in 0..<20 {
            let message = Pattern.bytes(700)
            try await stream.write(message)
            var received: [UInt8] = []
            while received.count < 350 {
                let count = try await stream.read(into: &buffer)
                received += buffer[..<count]
            }
            received += try await stream.readExactly(700 - received.count)
            #expect(received == message)
            try await stream.write(message.span)
            #expect(try await stream.readExactly(700) == message)
            try await stream.write(contentsOf: [message, [], message])
            #expect(try await stream.readExactly(1400) == message + message)
        }
        try await stream.finish()
        #expect(try await stream.read(upTo: 1) == nil)
        await stream.close()
    }

    actor Caller {
        func talk(to address: SocketAddress) async throws {
            try await TCPCallersTests.talk(try await TCPStream.connect(to: address))
        }

        func talk(_ stream: TCPStream) async throws { try await TCPCallersTests.talk(stream) }
    }

    @MainActor static func talkOnMain(_ stream: TCPStream) async throws {
        try await talk(stream)
    }

    /// An echo server, and a client's end of a connection to it, both on this loop.
    private func withClient(_ body: (TCPStream) async throws -> Void) async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let serving = listener.loop.spawn { try await listener.serve(echo) }
        try await body(try await TCPStream.connect(to: listener.localAddress))
        serving.cancel()
        _ = await serving.result
    }

    @Test func `a task on the loop`() async throws {
        try await withClient { try await Self.talk($0) }
    }

    @Test func `a plain task away from the loop`() async throws {
        try await withClient { stream in
            try await Task {
                #expect(EventLoop.current == nil)
                try await Self.talk(stream)
            }.value
        }
    }

    @Test func `a detached task that connects by itself uses a shared loop`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let serving = listener.loop.spawn { try await listener.serve(echo) }
        let address = listener.localAddress
        try await Task.detached {
            #expect(EventLoop.current == nil)
            let stream = try await TCPStream.connect(to: address)
            #expect(EventLoopGroup.shared.loops.contains(stream.loop))
            try await Self.talk(stream)
        }.value
        serving.cancel()
        _ = await serving.result
    }

    @Test func `a plain task that connects by itself stays with its home loop`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let loop = listener.loop
        let serving = loop.spawn { try await listener.serve(echo) }
        try await Task {
            #expect(EventLoop.current == nil)
            let stream = try await TCPStream.connect(to: listener.localAddress)
            #expect(stream.loop == loop)
            try await Self.talk(stream)
        }.value
        serving.cancel()
        _ = await serving.result
    }

    @Test func `a default actor`() async throws {
        try await withClient { try await Caller().talk($0) }
    }

    @Test func `the main actor`() async throws {
        try await withClient { try await Self.talkOnMain($0) }
    }

    @Test func `another loop`() async throws {
        let group = try EventLoopGroup(count: 1)
        try await withClient { stream in
            try await group.loops[0].submit {
                #expect(EventLoop.current == group.loops[0])
                try await Self.talk(stream)
            }
        }
        await group.shutdown()
    }

    @Test func `a connection made by an actor with no loop`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let serving = listener.loop.spawn { try await listener.serve(echo) }
        try await Caller().talk(to: listener.localAddress)
        serving.cancel()
        _ = await serving.result
    }

    @Test func `cancelling from elsewhere ends reads and writes that wait`() async throws {
        let (client, server) = try await tcpPair()
        let reading = Task { try await server.read(upTo: 1) }
        try await until { server.core.inbound.reader != nil }
        reading.cancel()
        await #expect(throws: CancellationError.self) { try await reading.value }
        try await client.writeUntilBlocked()
        let writing = Task { try await client.write(Pattern.bytes(100_000)) }
        try await until { client.core.outbound.pending >= 100_000 }
        writing.cancel()
        await #expect(throws: CancellationError.self) { try await writing.value }
        client.abort()
        await server.close()
    }
}
