// Streams for the contract that no public type is: two pipes joined, and a bare pair of sockets.

import Foundation
@testable import Reactor

/// Reads from one pipe and writes to another.
final class PipePair: ByteStream {
    let reader: PipeReader
    let writer: PipeWriter

    private init(_ reader: PipeReader, _ writer: PipeWriter) {
        self.reader = reader
        self.writer = writer
    }

    /// Two of them, crossed.
    static func pair() async throws -> (PipePair, PipePair) {
        let (one, other) = (try await makePipe(), try await makePipe())
        return (PipePair(one.reader, other.writer), PipePair(other.reader, one.writer))
    }

    func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        try await reader.read(into: &buffer)
    }
    func read(upTo maxBytes: Int) async throws -> [UInt8]? { try await reader.read(upTo: maxBytes) }
    func write(_ bytes: Span<UInt8>) async throws { try await writer.write(bytes) }
    func write(_ bytes: [UInt8]) async throws { try await writer.write(bytes) }
    func write(contentsOf parts: [[UInt8]]) async throws {
        try await writer.write(contentsOf: parts)
    }
    func finish() async throws { try await writer.finish() }
    func close() async { await close(flushingFor: .seconds(2)) }
    func close(flushingFor limit: Duration) async {
        await reader.close()
        await writer.close(flushingFor: limit)
    }
    func abort() {
        reader.abort()
        writer.abort()
    }
}

extension PipeReader {
    /// The loop's side.
    var handle: StreamHandle {
        guard case .stream(let handle) = source else { fatalError("a file") }
        return handle
    }
}

extension PipeWriter {
    /// The loop's side.
    var handle: StreamHandle {
        guard case .stream(let handle) = sink else { fatalError("a file") }
        return handle
    }
}

/// A stream over one end of a socketpair, with nothing of a public type about it.
final class SocketPairEnd: ByteStream {
    let handle: StreamHandle

    private init(_ handle: StreamHandle) { self.handle = handle }

    deinit { handle.abort() }

    static func pair() async throws -> (SocketPairEnd, SocketPairEnd) {
        let loop = try EventLoop.forNewObjects()
        return try await loop.make {
            let ends = try Descriptor.socketPair().map {
                let core = try StreamCore($0, .socket, peer: .named("a socket"), on: loop.core)
                return SocketPairEnd(StreamHandle(core, on: loop))
            }
            return (ends[0], ends[1])
        }
    }

    func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        try await handle.read(into: &buffer)
    }
    func read(upTo maxBytes: Int) async throws -> [UInt8]? { try await handle.read(upTo: maxBytes) }
    func write(_ bytes: Span<UInt8>) async throws { try await handle.write(bytes) }
    func write(_ bytes: [UInt8]) async throws { try await handle.write(bytes) }
    func write(contentsOf parts: [[UInt8]]) async throws {
        try await handle.write(contentsOf: parts)
    }
    func finish() async throws { try await handle.finish() }
    func close() async { await close(flushingFor: .seconds(2)) }
    func close(flushingFor limit: Duration) async { await handle.close(flushFor: limit) }
    func abort() { handle.abort() }
}

extension Descriptor {
    /// Two connected Unix sockets.
    static func socketPair() throws -> [Descriptor] {
        var ends: [Int32] = [-1, -1]
        #if canImport(Glibc)
        let type = Int32(SOCK_STREAM.rawValue)
        #else
        let type = SOCK_STREAM
        #endif
        // SAFETY: the call writes two numbers.
        try status(unsafe socketpair(AF_UNIX, type, 0, &ends), else: "make a pair of sockets")
        return ends.map { Descriptor(number: $0) }
    }
}
