// A listener that is taken: whoever else would serve or accept is refused, and disturbs nothing.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPServeBusyTests {
    private func check(_ address: SocketAddress) async throws {
        try await TCPStream.withConnection(to: address) { stream in
            try await stream.write([7])
            #expect(try await stream.read(upTo: 1) == [7])
        }
    }

    @Test func `a second service is refused, and the first goes on to its end`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let loop = listener.loop
        let task = loop.spawn { try await listener.serve { try await echo($0) } }
        try await until { listener.handle.here.isAwaited }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await client.write([1])
        #expect(try await client.read(upTo: 1) == [1])
        for _ in 0..<3 {
            await expect(.busy) { try await listener.serve { _ in } }
            await expect(.busy) { try await listener.accept() }
        }
        try await check(listener.localAddress)
        // Its handlers end, those that were open while others were refused too.
        await client.close()
        try await until {
            !loop.core.participants.all.contains { ($0 as? StreamCore)?.isServed == true }
        }
        try await check(listener.localAddress)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a service is refused beside one who accepts, who gets the next client`()
        async throws
    {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        async let accepted = listener.accept()
        try await until { listener.handle.here.isAwaited }
        await expect(.busy) { try await listener.serve { _ in } }
        let client = try await TCPStream.connect(to: listener.localAddress)
        await (try accepted).close()
        await client.close()
        listener.close()
    }

    @Test func `nobody takes a client from between a service's accepts`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        // At its limit it does not wait for the next one.
        let task = listener.loop.spawn { try await listener.serve(limit: 1) { try await echo($0) } }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await client.write([1])
        #expect(try await client.read(upTo: 1) == [1])
        await expect(.busy) { try await listener.accept() }
        await client.close()
        try await check(listener.localAddress)
        task.cancel()
        _ = await task.result
    }

    @Test func `a service that drains is not disturbed by one that comes too late`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let task = listener.loop.spawn {
            try await listener.serve(drain: .seconds(3_600)) { try await echo($0) }
        }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await client.write([1])
        #expect(try await client.read(upTo: 1) == [1])
        task.cancel()
        try await untilRefused { try await TCPStream.connect(to: listener.localAddress) }
        await expect(.closed) { try await listener.serve { _ in } }
        try await client.write([2])
        #expect(try await client.read(upTo: 1) == [2])
        await client.close()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a Unix socket's file stays too`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("socket").string
            let listener = try await UnixListener.bind(path: path)
            let task = listener.loop.spawn {
                try await listener.serve { stream in
                    for try await chunk in stream.chunks { try await stream.write(chunk) }
                }
            }
            try await until { listener.handle.here.isAwaited }
            await expect(.busy) { try await listener.serve { _ in } }
            try await UnixStream.withConnection(path: path) { stream in
                try await stream.write([7])
                #expect(try await stream.read(upTo: 1) == [7])
            }
            task.cancel()
            _ = await task.result
        }
    }
}
