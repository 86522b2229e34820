// Files to writers of every kind: sockets by the kernel, others by way of memory.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SendFileTests {
    @Test func `a file goes to a Unix socket inside the kernel`() async throws {
        let bytes = Pattern.bytes(700_001)
        let (near, far) = try await UnixStream.pair()
        try await withFile(bytes) { file async throws in
            async let received = far.readAll()
            try await near.write("before")
            #expect(try await near.sendFile(file, range: 0..<bytes.count) == bytes.count)
            try await near.finish()
            let isSame = try await received == Array("before".utf8) + bytes
            #expect(isSame)
        }
        let transfers = near.core.core.transfers
        #expect(transfers.sentFromFiles + transfers.copiedFromFiles == bytes.count)
        for stream in [near, far] { stream.abort() }
    }

    @Test func `a file goes to a pipe, and to a stream in memory`() async throws {
        let bytes = Pattern.bytes(700_001)
        let (reader, writer) = try await makePipe()
        let (near, far) = InMemoryStream.pair()
        try await expectFile(bytes, through: writer, reader)
        try await expectFile(bytes, through: near, far)
        await reader.close()
        far.abort()
    }

    private func expectFile(
        _ bytes: [UInt8], through writer: some ByteWriter, _ reader: some ByteReader
    ) async throws {
        try await withFile(bytes) { file async throws in
            async let received = reader.readAll()
            #expect(try await writer.sendFile(file, range: 0..<bytes.count + 10) == bytes.count)
            try await writer.finish()
            let isSame = try await received == bytes
            #expect(isSame)
        }
    }

    @Test func `a copy between Unix sockets stays in the kernel`() async throws {
        let bytes = Pattern.bytes(700_001)
        let (client, front) = try await UnixStream.pair()
        let (back, server) = try await UnixStream.pair()
        try await expectCopied(bytes, client, front, back, server)
        #expect(back.core.core.transfers.spliced >= bytes.count - Inbound.highMark)
        for stream in [client, front, back, server] { stream.abort() }
    }

    @Test func `descriptors that come with copied bytes are closed`() async throws {
        let (client, front) = try await UnixStream.pair()
        let (back, server) = try await UnixStream.pair()
        let ends = try FileDescriptor.pipe()
        async let copied = copy(from: front, to: back)
        try await client.send([ends.writeEnd], with: Array("x".utf8))
        #expect(try await server.readExactly(1) == Array("x".utf8))
        try ends.writeEnd.close()
        // With all its copies gone, the pipe has ended. Children may hold some until their exec.
        let reader = try await PipeReader.adopt(ends.readEnd)
        #expect(try await reader.read(upTo: 1) == nil)
        try await client.finish()
        #expect(try await copied == 1)
        await reader.close()
        for stream in [client, front, back, server] { stream.abort() }
    }
}
