// What TCP adds to the contract of streams: resets, half-closed ends, urgent bytes, and more.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPStreamTests {
    /// A stream of this loop, and its peer: a plain socket.
    private func streamAndPeer(
        _ options: TCPOptions = TCPOptions()
    ) async throws -> (TCPStream, Descriptor) {
        let listener = try await TCPListener.bind(to: .loopback(port: 0), options: options)
        defer { listener.close() }
        let peer = try Descriptor.client(of: listener.localAddress)
        return (try await listener.accept(), peer)
    }

    @Test func `data before the end is read first, then the end, again and again`() async throws {
        let (stream, peer) = try await streamAndPeer()
        peer.send(Pattern.bytes(5_000))
        peer.close()
        #expect(try await stream.readAll() == Pattern.bytes(5_000))
        for _ in 0..<3 { #expect(try await stream.read(upTo: 1) == nil) }
        var buffer: [UInt8] = [0]
        #expect(try await stream.read(into: &buffer) == 0)
        await stream.close()
    }

    @Test func `one byte more than the buffer holds is read before the end`() async throws {
        let (stream, peer) = try await streamAndPeer()
        peer.send(Pattern.bytes(51))
        peer.close()
        var buffer = [UInt8](repeating: 0, count: 50)
        #expect(try await stream.read(into: &buffer) == 50)
        #expect(buffer == Pattern.bytes(50))
        #expect(try await stream.read(into: &buffer) == 1)
        #expect(buffer[0] == Pattern.bytes(51)[50])
        #expect(try await stream.read(into: &buffer) == 0)
        await stream.close()
    }

    @Test func `a reset fails the read that waits, once, then the stream is closed`() async throws {
        let (stream, peer) = try await streamAndPeer()
        async let waiting: Void = expect(.connectionReset) { try await stream.read(upTo: 1) }
        try await until { stream.core.inbound.reader != nil }
        peer.abort()
        await waiting
        await expect(.closed) { try await stream.read(upTo: 1) }
        await expect(.closed) { try await stream.read(upTo: 1) }
        await stream.close()
    }

    @Test func `what came before a reset can still be read`() async throws {
        let (stream, peer) = try await streamAndPeer()
        peer.send([1, 2, 3])
        try await until { stream.core.inbound.unread == 3 }
        peer.abort()
        try await turnLoop()
        #expect(try await stream.read(upTo: 9) == [1, 2, 3])
        await expect(.connectionReset) { try await stream.read(upTo: 9) }
        await expect(.closed) { try await stream.read(upTo: 9) }
        await stream.close()
    }

    @Test func `after a reset writing and finishing fail, closing does not`() async throws {
        let (stream, peer) = try await streamAndPeer()
        peer.abort()
        await expect(.connectionReset) { try await stream.read(upTo: 1) }
        var code: ReactorError.Code?
        for _ in 0..<3 where code == nil { code = await failure { try await stream.write([1]) } }
        #expect([.brokenPipe, .connectionReset].contains(code))
        #expect(await failure { try await stream.finish() } != nil)
        #expect(await failure { try await stream.finish() } != nil)
        await stream.close()
        await stream.close()
        await expect(.closed) { try await stream.write([1]) }
        await expect(.closed) { try await stream.finish() }
    }

    /// libuv takes a partial read with a hang-up for the end (PITFALLS D3): 4 of 8 bytes.
    @Test func `nothing is lost when urgent data splits the last bytes`() async throws {
        let (client, server) = try await tcpPair()
        try await client.finish()
        #expect(try await server.read(upTo: 1) == nil)
        try await server.write(Array("AAAA".utf8))
        // SAFETY: one byte of a live variable is read.
        var urgent: UInt8 = 33
        let sent = unsafe send(server.descriptor.number, &urgent, 1, Int32(MSG_OOB))
        #expect(sent == 1)
        try await server.write(Array("BBBB".utf8))
        await server.close()
        var buffer = [UInt8](repeating: 0, count: 100)
        var received: [UInt8] = []
        while case let count = try await client.read(into: &buffer), count > 0 {
            received += buffer[..<count]
        }
        #expect(String(decoding: received, as: UTF8.self) == "AAAABBBB")
        await client.close()
    }

    @Test func `a large read while the peer is gone takes all there is`() async throws {
        let (stream, peer) = try await streamAndPeer()
        try await stream.finish()
        let much = Pattern.bytes(300_000)
        var sent = 0
        while sent < much.count {
            sent += max(0, peer.send(Array(much[sent...])))
            try await turnLoop(1)
            if stream.core.inbound.unread >= Inbound.highMark { break }
        }
        peer.close()
        #expect(try await stream.readAll() == Array(much[..<sent]))
        await stream.close()
    }

    @Test func `an abort reaches the peer as a reset`() async throws {
        let (stream, peer) = try await streamAndPeer()
        try await stream.writeUntilBlocked()
        async let writing: Void = expect(.closed) {
            try await stream.write(Pattern.bytes(100_000))
        }
        try await until { stream.core.outbound.waiting == 1 }
        stream.abort()
        #expect(stream.core.isClosed && stream.core.outbound.pending == 0)
        await writing
        // No event but an error or the end: there is data to read, too.
        peer.wait(for: 0)
        #expect(try peer.takeError() == .connectionReset)
        peer.close()
    }

    @Test func `a close that cannot flush in its time resets, and not before`() async throws {
        let (stream, peer) = try await streamAndPeer()
        try await stream.writeUntilBlocked()
        let start = ContinuousClock.now
        await stream.close(flushingFor: .milliseconds(20))
        #expect(ContinuousClock.now - start >= .milliseconds(20))
        var last = peer.receive()
        while let bytes = last, !bytes.isEmpty { last = peer.receive() }
        #expect(last == nil, "an orderly end")
        peer.close()
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .seconds(Int64.min)])
    func `a close with no time to flush does not wait`(_ limit: Duration) async throws {
        let (stream, peer) = try await streamAndPeer()
        try await stream.writeUntilBlocked()
        await stream.close(flushingFor: limit)
        peer.close()
    }

    @Test func `a close with all the time there is ends when the peer has read`() async throws {
        let (stream, peer) = try await streamAndPeer()
        try await stream.writeUntilBlocked()
        let closing = Count()
        async let closed: Void = {
            await stream.close(flushingFor: .seconds(Int64.max))
            closing.value = 1
        }()
        try await until {
            _ = peer.receive()
            return closing.value == 1
        }
        await closed
        peer.close()
    }

    @Test func `many closers, again and again, and each returns`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        for round in 0..<200 {
            let client = try await TCPStream.connect(to: listener.localAddress)
            let server = try await listener.accept()
            await withTaskGroup { group in
                for closer in 0..<8 {
                    group.addTask {
                        if round % 2 == closer % 2 { await Task.yield() }
                        await client.close()
                    }
                }
                group.addTask { await server.close() }
            }
            #expect(client.core.isClosed && server.core.isClosed)
        }
        listener.close()
    }

    @Test func `a stream that is dropped closes, with its unread bytes`() async throws {
        let (client, peer) = try await { () async throws -> (Int, Descriptor) in
            let (stream, peer) = try await self.streamAndPeer()
            peer.send([1])
            try await until { stream.core.inbound.unread == 1 }
            return (stream.localAddress.port, peer)
        }()
        #expect(client > 0)
        peer.wait(for: POLLIN)
        #expect(peer.receive() == [])
        peer.close()
    }

    @Test func `a stream dropped while a read waits closes once the read is cancelled`()
        async throws
    {
        let (reader, peer) = try await {
            () async throws -> (Task<[UInt8]?, any Error>, Descriptor) in
            let (stream, peer) = try await self.streamAndPeer()
            let reader = stream.loop.spawn { try await stream.read(upTo: 1) }
            try await until { stream.core.inbound.reader != nil }
            return (reader, peer)
        }()
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        peer.wait(for: POLLIN)
        #expect(peer.receive() == [])
        peer.close()
    }

    @Test(.tags(.slow))
    func `of many queued writes each has an end, and bytes go in order`() async throws {
        var options = TCPOptions()
        options.sendBufferBytes = 16_384
        let (stream, peer) = try await streamAndPeer(options)
        let completed = Count()
        let failed = Count()
        let received = Locked<[UInt8]>([])
        await withTaskGroup { group in
            for index in 0..<10_000 {
                group.addTask {
                    do {
                        try await stream.write([UInt8](repeating: UInt8(index % 251), count: 1024))
                        completed.value += 1
                    } catch {
                        #expect(ReactorError.Code(error) == .closed)
                        failed.value += 1
                    }
                }
            }
            group.addTask {
                while received.withLock({ $0.count }) < 2_000_000 {
                    if let bytes = peer.receive() { received.withLock { $0 += bytes } }
                    await Task.yield()
                }
                await stream.close(flushingFor: .zero)
            }
        }
        #expect(completed.value > 0 && failed.value > 0)
        #expect(completed.value + failed.value == 10_000)
        let bytes = received.withLock { $0 }
        let isInOrder = bytes.indices.allSatisfy { bytes[$0] == UInt8($0 / 1024 % 251) }
        #expect(isInOrder)
        peer.close()
    }

    @Test func `frames survive being cut at every place`() async throws {
        let (client, server) = try await tcpPair()
        let text = Array("first line\r\nsecond\n0123456789;rest".utf8)
        for split in 0...text.count {
            try await client.write(Array(text[..<split]))
            async let read = Self.frames(of: server)
            try await turnLoop(2)
            try await client.write(Array(text[split...]))
            #expect(try await read == ["first line", "second", "01234", "56789;", "rest"])
        }
        await client.close()
        await server.close()
    }

    private static func frames(of stream: TCPStream) async throws -> [String] {
        let reader = BufferedReader(stream)
        var frames: [String] = []
        for _ in 0..<2 { frames.append(try await reader.readLine() ?? "") }
        frames.append(String(decoding: try await reader.read(exactly: 5) ?? [], as: UTF8.self))
        let rest = try await reader.read(through: Array(";".utf8), limitBytes: 100) ?? []
        frames.append(String(decoding: rest, as: UTF8.self))
        frames.append(String(decoding: try await reader.read(exactly: 4) ?? [], as: UTF8.self))
        return frames
    }
}
