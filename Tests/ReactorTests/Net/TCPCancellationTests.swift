// Cancelled tasks: before a call, in the middle of it, and at any moment at all.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPCancellationTests {
    @Test func `a cancelled task binds, connects and accepts nothing`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let address = listener.localAddress
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await TCPListener.bind(to: .loopback(port: 0)) },
            { _ = try await TCPStream.connect(to: address) },
            { _ = try await TCPStream.connect(host: address.ip, port: address.port) },
            { try await TCPStream.withConnection(to: address) { _ in } },
            { _ = try await listener.accept() },
            { for try await _ in listener.connections {} },
            { try await listener.serve { _ in } },
        ]
        for call in calls {
            #expect(try await cancelled(call) == .cancelled)
            // Away from the loop too.
            let outcome = try await Task.detached { try await cancelled(call) }.value
            #expect(outcome == .cancelled)
        }
        // Nobody has come, and the listener is as it was.
        let client = try Descriptor.client(of: address)
        let server = try await listener.accept()
        #expect(server.remoteAddress == (try client.localAddress()))
        client.close()
        await server.close()
        listener.close()
    }

    @Test func `a cancelled write leaves the stream at a whole write`() async throws {
        let (client, server) = try await tcpPair()
        try await client.writeUntilBlocked()
        let ahead = client.core.outbound.pending
        let writers = (0..<5).map { index in
            client.loop.spawn {
                try await client.write([UInt8](repeating: UInt8(index), count: 100_000))
            }
        }
        try await until { client.core.outbound.pending == ahead + 500_000 }
        for writer in writers[1...3] { writer.cancel() }
        for writer in writers[1...3] {
            await #expect(throws: CancellationError.self) { try await writer.value }
        }
        async let finishing: Void = client.finish()
        let all = try await server.readAll()
        try await finishing
        for writer in [writers[0], writers[4]] { try await writer.value }
        // What fills the kernel's buffers comes first; then every write, whole and in order.
        let expected = (0..<5).flatMap { [UInt8](repeating: UInt8($0), count: 100_000) }
        #expect(Array(all.suffix(500_000)) == expected)
        await client.close()
        await server.close()
    }

    @Test func `closing works in a cancelled task`() async throws {
        let (client, server) = try await tcpPair()
        let outcome = try await cancelled { await client.close() }
        #expect(outcome == .ok)
        #expect(client.core.isClosed)
        #expect(try await server.read(upTo: 1) == nil)
        let other = try await cancelled { await server.close() }
        #expect(other == .ok)
        #expect(server.core.isClosed)
    }

    /// Reads, writes and connects of two threads, cancelled while the loop resumes them.
    @Test(.tags(.slow), arguments: [UInt64(1), 2, 3])
    func `cancelling at any moment resumes each wait once, and loses nothing`(
        _ seed: UInt64
    ) async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let serving = listener.loop.spawn { try await listener.serve(echo) }
        var random = SeededGenerator(seed: seed)
        let client = try await TCPStream.connect(to: listener.localAddress)
        var sent: [UInt8] = []
        let received = Locked<[UInt8]>([])
        for round in 0..<500 {
            let message = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 3)
            try await client.write(message)
            sent += message
            let read: @Sendable () async throws -> Void = {
                if let bytes = try await client.read(upTo: 64) {
                    received.withLock { $0 += bytes }
                }
            }
            let reader = round % 2 == 0 ? listener.loop.spawn(read) : Task { try await read() }
            let moment = Duration.microseconds(Int.random(in: 0..<300, using: &random))
            let canceller = Task.detached {
                try await Task.sleep(for: moment)
                reader.cancel()
            }
            if case .failure(let error) = await reader.result {
                #expect(error is CancellationError)
            }
            try await canceller.value
        }
        while received.withLock({ $0.count }) < sent.count {
            let rest = try #require(try await client.read(upTo: 4096))
            received.withLock { $0 += rest }
        }
        #expect(received.withLock { $0 } == sent)
        await client.close()
        serving.cancel()
        _ = await serving.result
    }
}
