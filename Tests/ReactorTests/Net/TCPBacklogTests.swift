// Clients that have connected and that nobody has accepted, when their server is told to stop.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPBacklogTests {
    /// Clients that have sent a byte before the loop has turned: nobody can have accepted them.
    private func crowd(_ count: Int, _ address: SocketAddress) throws -> [Descriptor] {
        try (0..<count).map { index in
            let client = try Descriptor.client(of: address)
            client.send([UInt8(index)])
            return client
        }
    }

    /// What the server has sent until its end; `nil` for a reset. Closes.
    private func answer(_ client: Descriptor) async throws -> [UInt8]? {
        defer { client.close() }
        return try await onThread {
            var bytes: [UInt8] = []
            while true {
                client.wait(for: POLLIN)
                guard let more = client.receive() else { return nil }
                if more.isEmpty { return bytes }
                bytes += more
            }
        }
    }

    private func echoOnce(_ stream: TCPStream) async throws {
        if let byte = try await stream.read(upTo: 1) { try await stream.write(byte) }
    }

    @Test func `who has connected before a service is cancelled is served`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let task = listener.loop.spawn { try await listener.serve { try await echoOnce($0) } }
        try await until { listener.handle.here.isAwaited }
        let clients = try crowd(100, listener.localAddress)
        task.cancel()
        for (index, client) in clients.enumerated() {
            #expect(try await answer(client) == [UInt8(index)])
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await listener.statistics().accepted == 100)
    }

    @Test func `no more than the limit are`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let task = listener.loop.spawn {
            try await listener.serve(limit: 3) { try await echoOnce($0) }
        }
        try await until { listener.handle.here.isAwaited }
        let clients = try crowd(10, listener.localAddress)
        task.cancel()
        var answers: [[UInt8]?] = []
        for client in clients { answers.append(try await answer(client)) }
        #expect(answers == (0..<10).map { $0 < 3 ? [UInt8($0)] : nil })
        _ = await task.result
    }

    @Test func `without time to drain nothing is left of them`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let task = listener.loop.spawn {
            try await listener.serve(drain: .zero) { try await echoOnce($0) }
        }
        try await until { listener.handle.here.isAwaited }
        let clients = try crowd(100, listener.localAddress)
        task.cancel()
        // Served or reset, as it comes; none waits for ever.
        for (index, client) in clients.enumerated() {
            let answer = try await answer(client)
            #expect(answer == nil || answer == [] || answer == [UInt8(index)])
        }
        _ = await task.result
        try await until { listener.loop.core.participants.all.isEmpty }
    }

    @Test func `a loop that ends at once leaves none of them open`() async throws {
        let group = try EventLoopGroup(count: 1, name: "backlog", grace: .zero)
        let loop = group.loops[0]
        let gate = Gate()
        let clients = try await loop.submit {
            let listener = try await TCPListener.bind(to: .loopback(port: 0))
            loop.spawn {
                try await listener.serve { _ in await gate.wait() }
            }
            try await until { listener.handle.here.isAwaited }
            return try crowd(50, listener.localAddress)
        }
        await group.shutdown()
        for client in clients { _ = try await answer(client) }
        gate.open()
    }

    @Test func `who closes the listener resets them`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let clients = try crowd(10, listener.localAddress)
        listener.close()
        for client in clients { #expect(try await answer(client) == nil) }
    }

    @Test func `a loop that is told to stop serves them too`() async throws {
        let group = try EventLoopGroup(count: 1, name: "backlog")
        let loop = group.loops[0]
        let clients = try await loop.submit {
            let listener = try await TCPListener.bind(to: .loopback(port: 0))
            loop.spawn { try await listener.serve { try await echoOnce($0) } }
            try await until { listener.handle.here.isAwaited }
            let clients = try crowd(50, listener.localAddress)
            loop.drain(Stopping(since: .now, deadline: .now.advanced(by: .seconds(3_600))))
            return clients
        }
        for (index, client) in clients.enumerated() {
            #expect(try await answer(client) == [UInt8(index)])
        }
        await group.shutdown()
    }
}
