// Copying inside the kernel: that it is what happens, and that nobody could tell by the bytes.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SpliceTests {
    @Test func `between connections and pipes the bytes stay in the kernel`() async throws {
        let bytes = Pattern.bytes(2_000_000)
        let (client, front) = try await tcpPair()
        let (reader, writer) = try await makePipe()
        try await expectCopied(bytes, client, front, writer, reader)
        let spliced = front.core.core.transfers.spliced
        // What had been read before the copy began went through memory.
        #expect(spliced >= bytes.count - Inbound.highMark, "\(spliced)")
        #expect(try await front.read(upTo: 1) == nil, "the end is known to the reader")
        for stream in [client, front] { stream.abort() }
        await reader.close()
    }

    @Test func `what had arrived before goes first`() async throws {
        let (client, front) = try await tcpPair()
        let (back, server) = try await tcpPair()
        try await client.write("one two three")
        #expect(try await front.read(upTo: 4) == Array("one ".utf8))
        async let copied = copy(from: front, to: back)
        #expect(try await server.readExactly(9) == Array("two three".utf8))
        try await client.write(" four")
        try await client.finish()
        #expect(try await server.readExactly(5) == Array(" four".utf8))
        #expect(try await copied == 14)
        for stream in [client, front, back, server] { stream.abort() }
    }

    @Test func `a slow receiver holds the sender back, and little is kept`() async throws {
        let (client, front) = try await tcpPair()
        let (back, server) = try await tcpPair()
        let copying = Task { try await copy(from: front, to: back) }
        let writing = Task {
            try await client.write([UInt8](repeating: 1, count: StreamKind.muchBytes * 2))
            try await client.finish()
        }
        try await until { back.core.outbound.waiting == 1 }
        #expect(front.core.inbound.unread == 0)
        try await expectNoSpin()
        #expect(try await server.readExactly(StreamKind.muchBytes * 2).count > 0)
        #expect(try await copying.value == StreamKind.muchBytes * 2)
        try await writing.value
        for stream in [client, front, back, server] { stream.abort() }
    }

    @Test func `after a cancelled copy both streams go on`() async throws {
        let (client, front) = try await tcpPair()
        let (back, server) = try await tcpPair()
        let copying = Task { try await copy(from: front, to: back) }
        try await client.write("copied")
        #expect(try await server.readExactly(6) == Array("copied".utf8))
        copying.cancel()
        await #expect(throws: CancellationError.self) { try await copying.value }
        try await client.write("read")
        #expect(try await front.readExactly(4) == Array("read".utf8))
        try await back.write("written")
        #expect(try await server.readExactly(7) == Array("written".utf8))
        for stream in [client, front, back, server] { stream.abort() }
    }

    @Test func `a receiver that has gone is an error, and a sender's reset too`() async throws {
        for resets in [false, true] {
            let (client, front) = try await tcpPair()
            let (back, server) = try await tcpPair()
            let copying = Task { try await Outcome { _ = try await copy(from: front, to: back) } }
            try await client.write("x")
            #expect(try await server.readExactly(1) == Array("x".utf8))
            if resets {
                client.abort()
                #expect(try await copying.value == .failed(.connectionReset))
            } else {
                server.abort()
                let outcome = Task {
                    try await Outcome { while true { try await client.write([1]) } }
                }
                let ended = try await copying.value
                #expect([.failed(.connectionReset), .failed(.brokenPipe)].contains(ended))
                front.abort()
                _ = try await outcome.value
            }
            for stream in [client, front, back, server] { stream.abort() }
        }
    }

    @Test func `what is no descriptor is copied`() async throws {
        let (near, far) = InMemoryStream.pair()
        let (client, server) = try await tcpPair()
        try await near.write("in memory")
        try await near.finish()
        #expect(try await copy(from: far, to: client) == 9)
        #expect(try await server.readExactly(9) == Array("in memory".utf8))
        #expect(client.core.core.transfers.spliced == 0)
        for stream in [client, server] { stream.abort() }
    }
}
