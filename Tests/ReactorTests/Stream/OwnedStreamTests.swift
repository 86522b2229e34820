// Cancelling the handler that owns a stream: its waits share one cancellation handler.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct OwnedStreamTests {
    @Test func `cancelling a handler ends its read`() async throws {
        try await serve { stream in
            try await Outcome { _ = try await stream.read(upTo: 1) }
        } client: { _, outcome in
            let seen = try await outcome()
            #expect(seen == .cancelled)
        }
    }

    @Test func `cancelling a handler ends its write, whose bytes go out`() async throws {
        // More than this process and both sockets hold.
        let bytes = Pattern.bytes(2 << 20)
        var options = TCPOptions()
        options.sendBufferBytes = 65_536
        options.receiveBufferBytes = 65_536
        // A cancelled handler loses its stream after a second: a round counts if all was over
        // before.
        var isInTime = false
        while !isInTime {
            try await serve(options) { stream in
                try await Outcome { try await stream.write(bytes) }
            } client: { client, outcome in
                let first = try await client.readExactly(1)
                let start = ContinuousClock.now
                let seen = try await outcome()
                #expect(seen == .cancelled)
                let rest = try? await client.readAll()
                isInTime = ContinuousClock.now - start < .seconds(1)
                if isInTime { #expect(rest.map { first + $0 } == bytes) }
            }
        }
    }

    @Test func `a handler that was cancelled cannot wait again`() async throws {
        try await serve { stream in
            _ = try await Outcome { _ = try await stream.read(upTo: 1) }
            return try await Outcome { _ = try await stream.read(upTo: 1) }
        } client: { _, outcome in
            let seen = try await outcome()
            #expect(seen == .cancelled)
        }
    }

    @Test func `a handler's child waits for itself`() async throws {
        try await serve { stream in
            let child = Task(executorPreference: EventLoop.current) {
                try await Outcome { _ = try await stream.read(upTo: 1) }
            }
            child.cancel()
            #expect(try await child.value == .cancelled)
            return try await Outcome { _ = try await stream.read(upTo: 1) }
        } client: { client, outcome in
            try await client.write([1])
            _ = try await client.readAll()
            let seen = try await outcome()
            #expect(seen == .ok)
        }
    }

    /// Serves one client; `outcome` cancels the service and waits for what the handler returned.
    private func serve(
        _ options: TCPOptions = TCPOptions(),
        _ handler: @escaping @Sendable (TCPStream) async throws -> Outcome,
        client: (TCPStream, _ outcome: () async throws -> Outcome) async throws -> Void
    ) async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0), options: options)
        let hasBegun = Locked(false)
        let outcome = Locked<Outcome?>(nil)
        let service = Task(executorPreference: EventLoop.current) {
            try await listener.serve(drain: .zero) { stream in
                hasBegun.withLock { $0 = true }
                let seen = try await handler(stream)
                outcome.withLock { $0 = seen }
            }
        }
        let stream = try await TCPStream.connect(to: listener.localAddress, options: options)
        try await until { hasBegun.withLock { $0 } }
        try await client(stream) {
            service.cancel()
            try await until { outcome.withLock { $0 } != nil }
            return try #require(outcome.withLock { $0 })
        }
        await stream.close()
        await #expect(throws: CancellationError.self) { try await service.value }
    }
}
