// Pumping, one way and both ways, over every kind of stream.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct CopyTests {
    @Test(arguments: StreamKind.all)
    func `everything is copied, and the writer left open`(kind: StreamKind) async throws {
        let bytes = Pattern.bytes(1 << 20)
        try await kind.check { source, reader in
            try await kind.check { writer, target in
                async let writing: Void = {
                    try await source.write(bytes)
                    try await source.finish()
                }()
                async let copied = copy(from: reader, to: writer)
                #expect(try await target.readExactly(bytes.count) == bytes)
                #expect(try await copied == bytes.count)
                try await writing
                try await writer.write([1])
                #expect(try await target.read(upTo: 10) == [1])
            }
        }
    }

    @Test func `nothing is copied from a reader at its end`() async throws {
        let (writer, _) = InMemoryStream.pair()
        #expect(try await copy(from: Script([], splitAt: []), to: writer) == 0)
    }

    @Test func `no more is read than the writer takes`() async throws {
        let (writer, target) = InMemoryStream.pair()
        let source = Endless()
        let copying = Task { try await Outcome { _ = try await copy(from: source, to: writer) } }
        try await until { writer.backlog.writers == 1 }
        // In the target's 64 KiB, pending up to the mark, and one write.
        #expect(source.given <= 3 * 64 * 1024)
        copying.cancel()
        #expect(try await copying.value == .cancelled)
        await writer.close()
        #expect(try await target.readAll().count == source.given)
    }

    @Test func `a failure of either side is thrown`() async throws {
        let (reader, source) = InMemoryStream.pair()
        let (writer, target) = InMemoryStream.pair()
        source.abort()
        await expect(.connectionReset) { try await copy(from: reader, to: writer) }
        await target.close()
        await expect(.brokenPipe) { try await copy(from: Endless(), to: writer) }
    }

    // MARK: Both ways

    @Test(arguments: StreamKind.all)
    func `a proxy passes bytes and ends on, both ways`(kind: StreamKind) async throws {
        let request = Pattern.bytes(300_000)
        let answer = Pattern.bytes(200_000)
        try await withProxy(kind) { client, server, proxying in
            async let asking: Void = {
                try await client.write(request)
                try await client.finish()
            }()
            #expect(try await server.readAll() == request)
            try await asking
            async let answering: Void = {
                try await server.write(answer)
                try await server.finish()
            }()
            #expect(try await client.readAll() == answer)
            try await answering
            let counts = try await proxying.value
            #expect(counts == (request.count, answer.count))
        }
    }

    @Test(arguments: StreamKind.all)
    func `a proxy echoes while both sides are open`(kind: StreamKind) async throws {
        try await withProxy(kind) { client, server, proxying in
            for byte in 0..<UInt8(50) {
                try await client.write([byte])
                #expect(try await server.read(upTo: 10) == [byte])
                try await server.write([byte, byte])
                #expect(try await client.readExactly(2) == [byte, byte])
            }
            try await server.finish()
            #expect(try await client.read(upTo: 1) == nil)
            try await client.finish()
            #expect(try await proxying.value == (50, 100))
        }
    }

    @Test(arguments: StreamKind.all.filter(\.abortIsReset))
    func `a reset ends a proxy whose other side is idle`(kind: StreamKind) async throws {
        try await withProxy(kind) { client, _, proxying in
            client.abort()
            await expect(.connectionReset) { try await proxying.value }
        }
    }

    @Test(arguments: StreamKind.all.filter(\.abortIsReset))
    func `a reset ends a proxy whose other side does not read`(kind: StreamKind) async throws {
        let block = Pattern.bytes(1 << 20)
        try await withProxy(kind) { client, server, proxying in
            // Two connections' buffers may hold more than the contract's "much".
            let filling = Task {
                try await Outcome { while true { try await client.write(block) } }
            }
            defer { filling.cancel() }
            try await kind.waitForWriters(1, on: client)
            server.abort()
            let error = await #expect(throws: ReactorError.self) { try await proxying.value }
            #expect([.connectionReset, .brokenPipe].contains(error?.code))
        }
    }

    @Test(arguments: StreamKind.all)
    func `cancelling a proxy ends both directions`(kind: StreamKind) async throws {
        try await withProxy(kind) { client, server, proxying in
            try await client.write([1])
            #expect(try await server.read(upTo: 1) == [1])
            proxying.cancel()
            await #expect(throws: CancellationError.self) { try await proxying.value }
            // The streams are still the caller's.
            try await server.write([2])
        }
    }

    /// A client and a server with a proxy between them.
    private func withProxy(
        _ kind: StreamKind,
        _ body:
            @escaping @Sendable (
                _ client: any ByteStream, _ server: any ByteStream,
                _ proxying: Task<(Int, Int), any Error>
            ) async throws -> Void
    ) async throws {
        try await kind.check { client, front in
            let (back, server) = try await kind.make()
            defer {
                back.abort()
                server.abort()
            }
            let proxying = Task(executorPreference: EventLoop.current) {
                try await copyBidirectional(front, back)
            }
            defer { proxying.cancel() }
            try await body(client, server, proxying)
        }
    }
}

/// Zeros for ever.
private final class Endless: ByteReader {
    private let count = Locked(0)

    var given: Int { count.withLock { $0 } }

    func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        count.withLock { $0 += buffer.count }
        return buffer.count
    }

    func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        count.withLock { $0 += maxBytes }
        return [UInt8](repeating: 0, count: maxBytes)
    }
}
