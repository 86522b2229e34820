// Tasks that begin on a loop's thread without belonging to it.

import Testing

@testable import Reactor

/// `Task.immediate` runs on its caller's thread until it first suspends, then on its own executor.
@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ImmediateTaskTests {
    @Test func `an immediate task may sleep`() async throws {
        for _ in 0..<200 {
            let task = Task.immediate { try await EventLoop.sleep(for: .microseconds(50)) }
            try await task.value
        }
    }

    @Test func `an immediate task's sleep can be cancelled`() async throws {
        for _ in 0..<200 {
            let task = Task.immediate { try await EventLoop.sleep(for: .seconds(3600)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `an immediate task may accept, read, write and close`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        for _ in 0..<50 {
            let server = Task.immediate {
                let stream = try await listener.accept()
                while let chunk = try await stream.read(upTo: 65_536) {
                    try await stream.write(chunk)
                }
                await stream.close()
            }
            let client = Task.immediate {
                let stream = try await TCPStream.connect(to: listener.localAddress)
                let sent = [UInt8](repeating: 7, count: 300_000)
                async let received = BufferedReader(stream).read(exactly: sent.count)
                try await stream.write(sent)
                #expect(try await received == sent)
                await stream.close()
            }
            try await client.value
            try await server.value
        }
        listener.close()
    }

    @Test func `an immediate task's read can be cancelled and loses nothing`() async throws {
        let (client, server) = try await tcpPair()
        for byte in UInt8(0)..<100 {
            let read = Task.immediate { try await server.read(upTo: 1) }
            read.cancel()
            await #expect(throws: CancellationError.self) { try await read.value }
            try await client.write([byte])
            #expect(try await server.read(upTo: 1) == [byte])
        }
        await client.close()
        await server.close()
    }
}
