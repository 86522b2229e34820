// Reading and writing, on every kind of stream.

import SystemPackage
import Testing

@testable import Reactor

extension Operation {
    /// What waits for bytes, on each kind of stream; afterwards nothing is lost.
    static let streams = [
        reading("TCPStream", tcpEnds), reading("UnixStream", unixEnds),
        reading("InMemoryStream", memoryEnds), reading("PipeReader", pipeEnds),
        reading("PseudoTerminal", terminalEnds),
        Operation("TCPStream.read(upTo:)") { try await readAll(tcpEnds, $0) },
        Operation("UnixStream.read(upTo:)") { try await readAll(unixEnds, $0) },
        Operation("InMemoryStream.read(upTo:)") { try await readAll(memoryEnds, $0) },
        Operation("PipeReader.read(upTo:)") { try await readAll(pipeEnds, $0) },
        Operation("PseudoTerminal.read(upTo:)") { try await readAll(terminalEnds, $0) },
        Operation("ByteReader.read(into:)") { attempt in
            try await onEnds(tcpEnds, attempt) { reader in
                var buffer = [UInt8](repeating: 0, count: 10)
                _ = try await reader.read(into: &buffer)
            }
        },
        Operation("Chunks.AsyncIterator.next()", "Chunks.AsyncIterator.next(isolation:)") {
            try await onEnds(tcpEnds, $0) { reader in
                for try await _ in try #require(reader as? TCPStream).chunks {}
            }
        },
        Operation("Lines.AsyncIterator.next()", "Lines.AsyncIterator.next(isolation:)") {
            try await onEnds(tcpEnds, $0) { reader in
                for try await _ in try #require(reader as? TCPStream).lines() {}
            }
        },
        buffered("read(into:)") { reader in
            var buffer = [UInt8](repeating: 0, count: 10)
            var span = buffer.mutableSpan
            _ = try await reader.read(into: &span)
        },
        buffered("read(upTo:)") { _ = try await $0.read(upTo: 10) },
        buffered("read(exactly:)") { _ = try await $0.read(exactly: 2) },
        buffered("read(through:limitBytes:)") { _ = try await $0.read(through: [9]) },
        buffered("readToEnd(limitBytes:)") { _ = try await $0.readToEnd(limitBytes: 100) },
        buffered("readLine(limitBytes:)") { _ = try await $0.readLine() },
        buffered("peek(_:)") { _ = try await $0.peek(2) },
        Operation("UnixStream.receive(upTo:)") { attempt in
            let (near, far) = try await UnixStream.pair(
                options: UnixOptions(receivesDescriptors: true))
            try await attempt { _ = try await near.receive(upTo: 10) }
            try await far.write([7])
            #expect(try await near.receive(upTo: 10)?.bytes == [7])
            await near.close()
            await far.close()
        },
        Operation("copy(from:to:)") { attempt in
            let (near, far) = try await tcpPair()
            let (other, last) = try await tcpPair()
            try await attempt { _ = try await copy(from: near, to: other) }
            try await far.write([7])
            #expect(try await near.read(upTo: 10) == [7])
            for stream in [near, far, other, last] { await stream.close() }
        },
        Operation("copyBidirectional(_:_:)") { attempt in
            let (near, far) = try await tcpPair()
            let (other, last) = try await tcpPair()
            try await attempt { _ = try await copyBidirectional(near, other) }
            for stream in [near, far, other, last] { await stream.close() }
        },
    ]

    // MARK: Ends to read from

    /// A reader, and what makes something come there and releases it.
    struct Ends: Sendable {
        var reader: any ByteReader
        /// Bytes that a read gets then.
        var feed: @Sendable () async throws -> Void
        var release: @Sendable () async -> Void
    }

    typealias MakeEnds = @Sendable () async throws -> Ends

    static func ends(_ near: some ByteStream, _ far: some ByteStream) -> Ends {
        Ends(reader: near, feed: { try await far.write([7]) }) {
            await near.close()
            await far.close()
        }
    }

    @Sendable static func tcpEnds() async throws -> Ends {
        let (near, far) = try await tcpPair()
        return ends(near, far)
    }

    @Sendable private static func unixEnds() async throws -> Ends {
        let (near, far) = try await UnixStream.pair()
        return ends(near, far)
    }

    @Sendable private static func memoryEnds() async throws -> Ends {
        let (near, far) = InMemoryStream.pair()
        return ends(near, far)
    }

    @Sendable private static func pipeEnds() async throws -> Ends {
        let (reader, writer) = try await makePipe()
        return Ends(reader: reader, feed: { try await writer.write([7]) }) {
            await reader.close()
            await writer.close()
        }
    }

    @Sendable private static func terminalEnds() async throws -> Ends {
        let child = try await terminalChild()
        return Ends(reader: child.terminal, feed: { try await child.terminal.write("a") }) {
            await child.terminate()
            child.terminal.abort()
        }
    }

    /// A child on a terminal, which does nothing there.
    @Sendable static func terminalChild() async throws -> ChildProcess {
        try await Command("sleep", "60").with { $0.terminal = TerminalSize(columns: 80, rows: 24) }
            .spawn()
    }

    // MARK: Reading

    private static func reading(_ type: String, _ make: @escaping MakeEnds) -> Operation {
        Operation("\(type).read(into:)") { attempt in
            try await onEnds(make, attempt) { reader in
                var buffer = [UInt8](repeating: 0, count: 10)
                var span = buffer.mutableSpan
                _ = try await reader.read(into: &span)
            }
        }
    }

    private static func readAll(_ make: MakeEnds, _ attempt: Attempt) async throws {
        try await onEnds(make, attempt) { _ = try await $0.read(upTo: 10) }
    }

    private static func buffered(
        _ name: String,
        _ call: @escaping @Sendable (BufferedReader<TCPStream>) async throws -> Void
    ) -> Operation {
        Operation("BufferedReader.\(name)") { attempt in
            let ends = try await tcpEnds()
            let reader = BufferedReader(try #require(ends.reader as? TCPStream))
            // What came before is there after it.
            try await ends.feed()
            _ = try await reader.peek(1)
            if name == "read(into:)" || name == "read(upTo:)" { _ = try await reader.read(upTo: 1) }
            try await attempt { try await call(reader) }
            try await ends.feed()
            #expect(try await reader.read(upTo: 1) == [7])
            await ends.release()
        }
    }

    private static func onEnds(
        _ make: MakeEnds, _ attempt: Attempt,
        _ call: @escaping @Sendable (any ByteReader) async throws -> Void
    ) async throws {
        let ends = try await make()
        try await attempt { try await call(ends.reader) }
        try await ends.feed()
        let bytes = try await ends.reader.read(upTo: 10)
        #expect(bytes?.isEmpty == false)
        await ends.release()
    }
}
