// Cancelled tasks, callers of every kind, loops that end.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct UDPCancellationTests {
    @Test func `a cancelled task makes, sends and receives nothing`() async throws {
        let (server, client) = try await udpPair()
        let address = server.localAddress
        let group = try SocketAddress(ip: "239.1.1.1", port: 0)
        try await client.send([1])
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await UDPSocket.bind(to: .loopback(port: 0)) },
            { _ = try await UDPSocket.bind(host: "127.0.0.1", port: 0) },
            { _ = try await UDPSocket.connect(to: address) },
            { _ = try await UDPSocket.connect(host: "127.0.0.1", port: 9) },
            { _ = try await server.receive() },
            { _ = try await server.receiveBatch() },
            {
                var buffer: [UInt8] = [0]
                _ = try await server.receive(into: &buffer)
            },
            { for try await _ in server.datagrams {} },
            { try await client.send([2]) },
            { try await client.send([2].span) },
            { try await client.sendBatch([.init([2])]) },
            { try await server.join(group, on: "lo") },
            { try await server.leave(group, on: "lo") },
            { _ = try await server.statistics() },
        ]
        for call in calls {
            #expect(try await cancelled(call) == .cancelled)
            // Away from the loop too.
            let outcome = try await Task.detached { try await cancelled(call) }.value
            #expect(outcome == .cancelled)
        }
        #expect(client.core.statistics.sent == 1)
        #expect(server.core.statistics.receiveCalls == 0)
        #expect(try await server.receive().bytes == [1])
    }

    /// Receivers of two threads, cancelled while the loop resumes them.
    @Test(.tags(.slow), arguments: [UInt64(1), 2, 3])
    func `cancelling at any moment resumes each wait once, and loses nothing`(
        _ seed: UInt64
    ) async throws {
        let (server, client) = try await udpPair()
        var random = SeededGenerator(seed: seed)
        let received = Locked<[UInt8]>([])
        var sent: [UInt8] = []
        for round in 0..<500 {
            for _ in 0..<3 {
                let byte = UInt8(truncatingIfNeeded: sent.count)
                try await client.send([byte])
                sent.append(byte)
            }
            let receive: @Sendable () async throws -> Void = {
                switch round % 3 {
                case 0:
                    let byte = try await server.receive().bytes[0]
                    received.withLock { $0.append(byte) }
                case 1:
                    var buffer: [UInt8] = [0]
                    _ = try await server.receive(into: &buffer)
                    received.withLock { [byte = buffer[0]] in $0.append(byte) }
                default:
                    for _ in 0..<6 {
                        let batch = try await server.receiveBatch()
                        received.withLock { $0 += batch.map { $0.bytes[0] } }
                    }
                }
            }
            let receiver =
                round % 2 == 0 ? server.loop.spawn(receive) : Task { try await receive() }
            let moment = Duration.microseconds(Int.random(in: 0..<300, using: &random))
            let canceller = Task.detached {
                try await Task.sleep(for: moment)
                receiver.cancel()
            }
            if case .failure(let error) = await receiver.result {
                #expect(error is CancellationError)
            }
            try await canceller.value
        }
        while received.withLock({ $0.count }) < sent.count {
            let rest = try await server.receiveBatch().map { $0.bytes[0] }
            received.withLock { $0 += rest }
        }
        #expect(received.withLock { $0 } == sent)
    }

    // MARK: Callers

    /// Every way to send and receive, from wherever the caller runs.
    nonisolated(nonsending) static func talk(_ near: UDPSocket, _ far: UDPSocket) async throws {
        var buffer = [UInt8](repeating: 0, count: 100)
        for round in 0..<20 {
            let message = [UInt8](repeating: UInt8(round), count: 50)
            try await near.send(message)
            #expect(try await far.receive().bytes == message)
            try await near.send(message.span)
            let header = try await far.receive(into: &buffer)
            #expect(buffer.prefix(header.count) == message[...])
            let report = try await near.sendBatch([.init(message), .init([])])
            #expect(report.sent == 2)
            var batch: [Datagram] = []
            while batch.count < 2 { batch += try await far.receiveBatch() }
            #expect(batch.map(\.bytes) == [message, []])
            try await far.sendBatch(batch.map { $0.reply($0.bytes) })
            #expect(try await near.receive(upTo: 100).bytes == message)
            #expect(try await near.receive().bytes == [])
        }
        #expect(try await far.statistics().received == 80)
    }

    actor Caller {
        func talk(_ near: UDPSocket, _ far: UDPSocket) async throws {
            try await UDPCancellationTests.talk(near, far)
        }
    }

    @Test func `a task on the loop, a plain one, an actor and another loop`() async throws {
        let group = try EventLoopGroup(count: 1)
        let callers: [@Sendable (UDPSocket, UDPSocket) async throws -> Void] = [
            { try await Self.talk($0, $1) },
            { near, far in try await Task { try await Self.talk(near, far) }.value },
            { try await Caller().talk($0, $1) },
            { near, far in
                try await Task { @MainActor in try await Self.talk(near, far) }.value
            },
            { near, far in try await group.loops[0].submit { try await Self.talk(near, far) } },
        ]
        for call in callers {
            let (server, client) = try await udpPair()
            try await call(client, server)
        }
        await group.shutdown()
    }

    @Test func `made away from any loop, it lives on a shared one`() async throws {
        try await Task.detached {
            let server = try await UDPSocket.bind(to: .loopback(port: 0))
            #expect(EventLoopGroup.shared.loops.contains(server.loop))
            let client = try await UDPSocket.connect(to: server.localAddress)
            try await Self.talk(client, server)
        }.value
    }

    @TaskLocal private static var context = 0

    @Test func `what a task knows, its receives do not change`() async throws {
        let (server, client) = try await udpPair()
        let handlers = (1...2).map { value in
            let socket = value == 1 ? server : client
            return Self.$context.withValue(value) {
                socket.loop.spawn {
                    for _ in 0..<10 {
                        _ = try await socket.receive()
                        #expect(Self.context == value)
                    }
                }
            }
        }
        for _ in 0..<10 {
            try await client.send([1])
            try await server.send([1], to: client.localAddress)
            try await turnLoop(2)
        }
        for handler in handlers { try await handler.value }
    }
}

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct UDPEndedLoopTests {
    @Test func `a loop's end tells those who wait, and those who come later`() async throws {
        let group = try EventLoopGroup(count: 1, grace: .zero)
        let loop = group.loops[0]
        let (server, client) = try await loop.submit { try await udpPair() }
        let elsewhere = Task.detached { try await server.receive() }
        let onLoop = Task(executorPreference: loop) { try await client.receive() }
        try await until {
            try await loop.submit {
                server.core.inbound.receiver != nil && client.core.inbound.receiver != nil
            }
        }
        await group.shutdown()
        await expect(.loopClosed) { try await elsewhere.value }
        await expect(.loopClosed) { try await onLoop.value }
        await expect(.loopClosed) { try await server.receive() }
        await expect(.loopClosed) { try await server.receiveBatch() }
        await expect(.loopClosed) { try await client.send([1]) }
        await expect(.loopClosed) { try await client.sendBatch([.init([1])]) }
        await expect(.loopClosed) { try await client.statistics() }
        await expect(.loopClosed) {
            try await server.join(try SocketAddress(ip: "239.1.1.1", port: 0))
        }
        await HomeLoop.$current.withValue(loop) {
            await expect(.loopClosed) { try await UDPSocket.bind(to: .loopback(port: 0)) }
        }
        server.close()
        client.close()
    }
}
