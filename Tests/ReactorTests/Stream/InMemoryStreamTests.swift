// What the in-memory pair promises beyond the contract of all streams.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct InMemoryStreamTests {
    @Test func `one task can use both ends`() async throws {
        let (first, second) = InMemoryStream.pair()
        try await first.write("ping")
        #expect(try await second.read(upTo: 10) == Array("ping".utf8))
        try await first.finish()
        #expect(try await second.read(upTo: 10) == nil)
        await second.close()
        #expect(try await first.read(upTo: 10) == nil)
    }

    @Test func `what travels ahead of the reader has a bound`() async throws {
        let (writer, reader) = InMemoryStream.pair()
        let half = Pattern.bytes(32 * 1024)
        // 64 KiB on the way, and less than 64 KiB pending.
        for _ in 0..<3 { try await writer.write(half) }
        #expect(writer.backlog == (32 * 1024, 0))
        let blocked = Task { try await writer.write(half) }
        try await until { writer.backlog.writers == 1 }
        #expect(try await reader.read(upTo: 1)?.count == 1)
        try await blocked.value
        #expect(writer.backlog == (64 * 1024 - 1, 0))
    }

    @Test func `a dropped end is closed`() async throws {
        var (first, second): (InMemoryStream?, InMemoryStream) = InMemoryStream.pair()
        try await first?.write([1])
        first = nil
        #expect(try await second.readAll() == [1])
        await expect(.brokenPipe) { try await second.write([1]) }
        (first, second) = InMemoryStream.pair()
    }

    @Test func `close passes on what was blocked`() async throws {
        let bytes = Pattern.bytes(1 << 20)
        let (writer, reader) = InMemoryStream.pair()
        let blocked = Task { try await Outcome { try await writer.write(bytes) } }
        try await until { writer.backlog.writers == 1 }
        await writer.close()
        #expect(try await blocked.value == .failed(.closed))
        #expect(try await reader.readAll() == bytes)
    }

    @Test func `a peer that closes fails the writes that wait`() async throws {
        let (writer, reader) = InMemoryStream.pair()
        let blocked = Task { try await Outcome { try await writer.write(Pattern.bytes(1 << 20)) } }
        try await until { writer.backlog.writers == 1 }
        await reader.close()
        #expect(try await blocked.value == .failed(.brokenPipe))
        await expect(.brokenPipe) { try await writer.finish() }
    }

    @Test func `a reset comes after what had arrived`() async throws {
        let (first, second) = InMemoryStream.pair()
        try await first.write([1, 2])
        first.abort()
        #expect(try await second.read(upTo: 10) == [1, 2])
        await expect(.connectionReset) { try await second.read(upTo: 10) }
        await expect(.connectionReset) { try await second.write([1]) }
    }

    @Test func `who has finished hears nothing of the peer's end`() async throws {
        let (first, second) = InMemoryStream.pair()
        try await first.finish()
        second.abort()
        await expect(.finished) { try await first.write([1]) }
    }

    @Test func `two threads lose nothing`() async throws {
        let (first, second) = InMemoryStream.pair()
        let bytes = Pattern.bytes(500_000)
        try await withThrowingTaskGroup { group in
            for (from, to) in [(first, second), (second, first)] {
                group.addTask {
                    for start in stride(from: 0, to: bytes.count, by: 777) {
                        try await from.write(bytes[start..<min(start + 777, bytes.count)])
                    }
                    try await from.finish()
                }
                group.addTask {
                    var received: [UInt8] = []
                    var buffer = [UInt8](repeating: 0, count: 1000)
                    while true {
                        let count = try await to.read(into: &buffer)
                        if count == 0 { break }
                        received += buffer[..<count]
                    }
                    #expect(received == bytes)
                }
            }
            try await group.waitForAll()
        }
    }
}
