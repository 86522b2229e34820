// Unix sockets for tests: names nobody else has, directories that go away.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

/// An abstract name that no other test has.
func anyName() throws -> SocketAddress {
    try SocketAddress(abstractName: "reactor-tests-\(UInt64.random(in: 0...(.max)))")
}

/// Runs `body` with a new directory, short enough for sockets, which is gone afterwards.
func withDirectory<Result>(
    _ body: (FilePath) async throws -> Result
) async throws -> Result {
    let path = "/tmp/reactor-\(UInt32.random(in: 0...(.max)))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(FilePath(path))
}

/// The names in a directory.
func names(in directory: FilePath) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: directory.string))
}

/// A socket's file that nobody serves, as a killed program leaves it.
func makeStaleSocket(at path: FilePath) throws {
    let descriptor = try Descriptor.streamSocket(.unix)
    try descriptor.bind(to: SocketAddress(path: path))
    // Never listening: a child of another test has a copy until its exec, which would go on.
    descriptor.close()
}

/// A FIFO that nobody has open.
func makeFIFO(at path: FilePath) throws {
    // SAFETY: the call reads a live string.
    try #require(unsafe mkfifo(path.string, 0o600) == 0)
}

/// Which file is there, and what it is.
func status(of path: FilePath) throws -> stat {
    var status = stat()
    // SAFETY: the call reads a live string and fills a live variable.
    let result = unsafe lstat(path.string, &status)
    try #require(result == 0)
    return status
}

/// Sends back what comes, until the peer has finished.
@Sendable func echoUnix(_ stream: UnixStream) async throws {
    for try await chunk in stream.chunks { try await stream.write(chunk) }
}

/// Connects, sends three bytes and expects them back.
func checkEcho(_ address: SocketAddress) async throws {
    try await UnixStream.withConnection(to: address) { stream in
        try await stream.write([1, 2, 3])
        #expect(try await stream.readExactly(3) == [1, 2, 3])
    }
}

extension UnixStream {
    /// The loop's side; on its loop only.
    var core: StreamCore { handle.here }
}

/// A pipe by which a test learns who has its writing end open.
struct Witness {
    let readEnd: Descriptor
    let writeEnd: Descriptor

    init() throws { (readEnd, writeEnd) = try Descriptor.pipe() }

    var passed: FileDescriptor { FileDescriptor(rawValue: writeEnd.number) }

    /// True if nobody can write to it any more: a child that another test starts may for a moment.
    var isClosed: Bool {
        let memory = BorrowedMemory.allocate(count: 1)
        defer { memory.deallocate() }
        return readEnd.read(into: memory) == 0
    }
}
