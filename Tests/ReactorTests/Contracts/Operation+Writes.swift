// Writing to those who do not read.

import SystemPackage
import Testing

@testable import Reactor

extension Operation {
    private typealias MakeWriter =
        @Sendable () async throws -> (any ByteWriter, @Sendable () -> Void)

    /// More than this process and two kernels' buffers hold.
    /// Of lines: without any, a terminal takes in all there is, and throws it away.
    private static let much = [UInt8](repeating: 10, count: StreamKind.muchBytes)
    private static let text = String(repeating: "x", count: StreamKind.muchBytes)

    /// A cancelled write stops waiting; what it was given still goes out, so the stream is usable
    /// once somebody reads, and is given up here.
    static let writes =
        writing("TCPStream", tcp) + writing("UnixStream", unix) + writing("PipeWriter", pipe)
        + writing("InMemoryStream", memory) + writing("PseudoTerminal", terminal) + [
            on("ByteWriter.write(_:)", tcp) { try await $0.write(much[...]) },
            on("ByteWriter.write(_:)", tcp) { try await $0.write(text) },
            on("ByteWriter.write(_:)", tcp) { try await $0.write(text[...]) },
            finishing("TCPStream", tcp), finishing("UnixStream", unix),
            finishing("PipeWriter", pipe), finishing("InMemoryStream", memory),
            finishing("PseudoTerminal", terminal),
            // Millions of bytes from a sequence of any kind take minutes in debug builds.
            Operation("ByteWriter.write(_:)") { attempt in
                let (near, far) = try await tcpPair()
                try await fill(near)
                try await attempt { try await near.write(repeatElement(1, count: 3)) }
                near.abort()
                far.abort()
            },
            Operation("UnixStream.send(_:with:)") { attempt in
                let (near, far) = try await UnixStream.pair()
                try await fill(near)
                try await attempt { try await near.send([FileDescriptor(rawValue: 0)], with: [1]) }
                near.abort()
                far.abort()
            },
            Operation("ByteWriter.sendFile(_:range:)") { attempt in
                let (near, far) = try await tcpPair()
                let file = try FileDescriptor.open(FilePath(#filePath), .readOnly)
                try await fill(near)
                try await attempt { _ = try await near.sendFile(file, range: 0..<100) }
                near.abort()
                far.abort()
                try file.close()
            },
        ]

    private static func writing(_ type: String, _ make: @escaping MakeWriter) -> [Operation] {
        [
            on("\(type).write(_:)", make) { try await $0.write(much) },
            on("\(type).write(_:)", make) { try await $0.write(much.span) },
            on("\(type).write(contentsOf:)", make) {
                try await $0.write(contentsOf: [much, much])
            },
        ]
    }

    private static func on(
        _ name: String, _ make: @escaping MakeWriter,
        _ call: @escaping @Sendable (any ByteWriter) async throws -> Void
    ) -> Operation {
        Operation(name) { attempt in
            let (writer, release) = try await make()
            try await attempt { try await call(writer) }
            release()
        }
    }

    private static func finishing(_ type: String, _ make: @escaping MakeWriter) -> Operation {
        Operation("\(type).finish()") { attempt in
            let (writer, release) = try await make()
            try await fill(writer)
            try await attempt { try await writer.finish() }
            release()
        }
    }

    /// Leaves bytes that wait for the peer.
    private static func fill(_ writer: any ByteWriter) async throws {
        // Cancelled once it waits: a time limit may pass before anything is written.
        let loop = try #require(EventLoop.current)
        let writing = loop.spawn { try await writer.write(much) }
        try await turnLoop(3)
        writing.cancel()
        await #expect(throws: CancellationError.self) { try await writing.value }
    }

    // MARK: Ends to write to

    @Sendable private static func tcp() async throws -> (any ByteWriter, @Sendable () -> Void) {
        let (near, far) = try await tcpPair()
        return (near, { abort(near, far) })
    }

    @Sendable private static func unix() async throws -> (any ByteWriter, @Sendable () -> Void) {
        let (near, far) = try await UnixStream.pair()
        return (near, { abort(near, far) })
    }

    @Sendable private static func memory() async throws -> (any ByteWriter, @Sendable () -> Void) {
        let (near, far) = InMemoryStream.pair()
        return (near, { abort(near, far) })
    }

    @Sendable private static func pipe() async throws -> (any ByteWriter, @Sendable () -> Void) {
        let (reader, writer) = try await makePipe()
        return (
            writer,
            {
                writer.abort()
                reader.abort()
            }
        )
    }

    @Sendable private static func terminal() async throws -> (any ByteWriter, @Sendable () -> Void)
    {
        let child = try await terminalChild()
        return (
            child.terminal,
            {
                child.terminal.abort()
                try? child.send(.kill)
            }
        )
    }

    private static func abort(_ near: any ByteStream, _ far: any ByteStream) {
        near.abort()
        far.abort()
    }
}
