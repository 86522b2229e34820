// Files over TCP: whole, in order, past closed files, slow readers and cancellation.

import Foundation
import SystemPackage
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPSendFileTests {
    @Test func `a file arrives whole, between what was written before and after`() async throws {
        let bytes = Pattern.bytes(3_000_001)
        let (client, server) = try await tcpPair()
        try await withFile(bytes) { file async throws in
            async let received = server.readAll()
            try await client.write("before")
            #expect(try await client.sendFile(file, range: 0..<bytes.count) == bytes.count)
            try await client.write("after")
            try await client.finish()
            let all = try await received
            #expect(all == Array("before".utf8) + bytes + Array("after".utf8))
            let transfers = client.core.core.transfers
            #expect(transfers.sentFromFiles + transfers.copiedFromFiles == bytes.count)
        }
        client.abort()
        server.abort()
    }

    @Test func `what others write meanwhile comes after`() async throws {
        let bytes = Pattern.bytes(8_000_000)
        let (client, server) = try await tcpPair()
        try await withFile(bytes) { file async throws in
            async let sending = client.sendFile(file, range: 0..<bytes.count)
            try await until { client.core.outbound.isHeld }
            await expect(.busy) { try await client.sendFile(file, range: 0..<1) }
            try await client.write("after")
            async let finishing: Void = client.finish()
            #expect(try await server.readAll() == bytes + Array("after".utf8))
            #expect(try await sending == bytes.count)
            try await finishing
        }
        client.abort()
        server.abort()
    }

    @Test func `a part of a file, and a range beyond its end`() async throws {
        let bytes = Pattern.bytes(10_000)
        let (client, server) = try await tcpPair()
        try await withFile(bytes) { file async throws in
            #expect(try await client.sendFile(file, range: 100..<200) == 100)
            #expect(try await server.readExactly(100) == Array(bytes[100..<200]))
            #expect(try await client.sendFile(file, range: 9_000..<20_000) == 1_000)
            #expect(try await server.readExactly(1_000) == Array(bytes[9_000...]))
            #expect(try await client.sendFile(file, range: 20_000..<30_000) == 0)
            #expect(try await client.sendFile(file, range: 5..<5) == 0)
            await expect(.invalidArgument) { try await client.sendFile(file, range: -1..<5) }
            #expect(try file.seek(offset: 0, from: .current) == 0, "its position is its own")
        }
        client.abort()
        server.abort()
    }

    @Test func `what is no file is refused`() async throws {
        let (client, server) = try await tcpPair()
        let ends = try FileDescriptor.pipe()
        await expect(.invalidArgument) { try await client.sendFile(ends.readEnd, range: 0..<1) }
        await expect(.badDescriptor) {
            try await client.sendFile(FileDescriptor(rawValue: 1_000_000), range: 0..<1)
        }
        try ends.readEnd.close()
        try ends.writeEnd.close()
        client.abort()
        server.abort()
    }

    @Test func `cancelling stops where it is, and the stream goes on`() async throws {
        let bytes = Pattern.bytes(16_000_000)
        let (client, server) = try await tcpPair()
        try await withFile(bytes) { file async throws in
            let sending = Task {
                try await Outcome { try await client.sendFile(file, range: 0..<bytes.count) }
            }
            try await until { client.core.outbound.waiting == 1 }
            sending.cancel()
            #expect(try await sending.value == .cancelled)
            async let finishing: Void = {
                try await client.write("!")
                try await client.finish()
            }()
            let all = try await server.readAll()
            try await finishing
            #expect(all.count < bytes.count && all.last == UInt8(ascii: "!"))
            #expect(all.dropLast() == bytes[..<(all.count - 1)])
        }
        client.abort()
        server.abort()
    }

    @Test func `a peer that goes, and a close, end it with an error`() async throws {
        let bytes = Pattern.bytes(16_000_000)
        for closes in [false, true] {
            let (client, server) = try await tcpPair()
            try await withFile(bytes) { file async throws in
                let sending = Task {
                    try await Outcome { try await client.sendFile(file, range: 0..<bytes.count) }
                }
                try await until { client.core.outbound.waiting == 1 }
                if closes { await client.close() } else { server.abort() }
                let outcome = try await sending.value
                let expected: [Reactor.ReactorError.Code] =
                    closes ? [.closed] : [.connectionReset, .brokenPipe]
                #expect(expected.contains { outcome == .failed($0) })
            }
            client.abort()
            server.abort()
        }
    }

    @Test func `five thousand parts are written as one`() async throws {
        let (client, server) = try await tcpPair()
        let parts = (0..<5_000).map { [UInt8](repeating: UInt8($0 % 251), count: $0 % 7) }
        async let received = server.readAll()
        try await client.write(contentsOf: parts)
        try await client.finish()
        #expect(try await received == Array(parts.joined()))
        client.abort()
        server.abort()
    }
}

/// Runs `body` with an open file of these bytes.
func withFile(
    _ bytes: [UInt8], _ body: (FileDescriptor) async throws -> Void
) async throws {
    let path = FileManager.default.temporaryDirectory.appending(
        path: "reactor-\(UUID().uuidString)"
    ).path
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try FileDescriptor.open(FilePath(path), .readOnly)
    do { try await body(file) } catch {
        try file.close()
        throw error
    }
    try file.close()
}
