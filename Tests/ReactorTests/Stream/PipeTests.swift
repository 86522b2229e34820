// Ends of pipes: made, adopted, refused, and what happens when the other end goes.

import Foundation
import SystemPackage
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct PipeTests {
    @Test func `a pipe's ends are pipes, which children do not inherit`() async throws {
        let (reader, writer) = try await makePipe()
        for descriptor in [reader.handle.here.descriptor, writer.handle.here.descriptor] {
            #expect(try descriptor.kind("") == .pipe)
            #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
        }
        await reader.close()
        await writer.close()
    }

    @Test func `a pipe in a cancelled task is not made`() async throws {
        #expect(try await cancelled { _ = try await makePipe() } == .cancelled)
    }

    @Test func `the end comes after everything written, and comes again`() async throws {
        let (reader, writer) = try await makePipe()
        try await writer.write("all of it")
        await writer.close()
        #expect(try await reader.readAll() == Array("all of it".utf8))
        #expect(try await reader.read(upTo: 1) == nil)
        await reader.close()
        await expect(.closed) { try await reader.read(upTo: 1) }
    }

    @Test func `a writer whose reader has gone fails and never spins`()
        async throws
    {
        let (reader, writer) = try await makePipe()
        await reader.close()
        // A child that another test is starting holds a copy until it runs its program.
        try await until { try await Outcome { try await writer.write([1]) } != .ok }
        for _ in 0..<3 { await expect(.brokenPipe) { try await writer.write([1]) } }
        try await expectNoSpin()
        await writer.close()
        await expect(.closed) { try await writer.write([1]) }
    }

    @Test func `a reader whose writer has gone ends, and never spins`() async throws {
        let (reader, writer) = try await makePipe()
        await writer.close()
        // Before anybody reads, and after.
        try await expectNoSpin()
        #expect(try await reader.read(upTo: 1) == nil)
        try await expectNoSpin()
        await reader.close()
    }

    @Test func `a writer that is idle learns of nothing, and costs nothing`() async throws {
        let (reader, writer) = try await makePipe()
        let turns = try #require(EventLoop.current).core.turns
        for byte in 0..<UInt8(10) {
            try await writer.write([byte])
            #expect(try await reader.read(upTo: 10) == [byte])
        }
        #expect(try #require(EventLoop.current).core.turns - turns < 30)
        await reader.close()
        await writer.close()
    }

    @Test func `what is written from elsewhere is read elsewhere`() async throws {
        let (reader, writer) = try await makePipe()
        let bytes = Pattern.bytes(300_000)
        try await Task {
            #expect(EventLoop.current == nil)
            async let writing: Void = {
                try await writer.write(bytes)
                try await writer.finish()
            }()
            #expect(try await reader.readAll() == bytes)
            try await writing
        }.value
        await reader.close()
    }

    // MARK: Adoption

    @Test func `the ends of another's pipe are adopted`() async throws {
        let ends = try FileDescriptor.pipe()
        let pipe = try FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/self/fd/\(ends.readEnd.rawValue)")
        #expect(try openFiles().contains(pipe))
        let reader = try await PipeReader.adopt(ends.readEnd)
        let writer = try await PipeWriter.adopt(ends.writeEnd)
        try await writer.write("hello")
        try await writer.finish()
        #expect(try await reader.readAll() == Array("hello".utf8))
        await reader.close()
        #expect(try !openFiles().contains(pipe))
    }

    @Test func `a pipe's wrong end is refused, and stays the caller's`() async throws {
        let ends = try FileDescriptor.pipe()
        await expect(.invalidArgument) { try await PipeReader.adopt(ends.writeEnd) }
        await expect(.invalidArgument) { try await PipeWriter.adopt(ends.readEnd) }
        try ends.readEnd.close()
        try ends.writeEnd.close()
    }

    @Test func `files and directories are refused with their kind`() async throws {
        for (path, words) in [("/etc/passwd", "a regular file"), ("/", "a directory")] {
            let file = try FileDescriptor.open(FilePath(path), .readOnly)
            let error = await #expect(throws: ReactorError.self) {
                _ = try await PipeReader.adopt(file)
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.operation.contains(words) == true)
            try file.close()
        }
    }

    @Test func `a device that never waits is refused`() async throws {
        let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite)
        await expect(.invalidArgument) { try await PipeReader.adopt(null) }
        await expect(.invalidArgument) { try await PipeWriter.adopt(null) }
        try null.close()
    }

    @Test func `a descriptor that is not open is refused`() async throws {
        for number in [Int32(-1), 1_000_000] {
            let none = FileDescriptor(rawValue: number)
            await expect(.badDescriptor) { try await PipeReader.adopt(none) }
            await expect(.badDescriptor) { try await PipeWriter.adopt(none) }
        }
    }

    @Test func `a descriptor is not adopted twice`() async throws {
        let ends = try FileDescriptor.pipe()
        let reader = try await PipeReader.adopt(ends.readEnd)
        await #expect(throws: ReactorError.self) { _ = try await PipeReader.adopt(ends.readEnd) }
        #expect(Descriptor(number: ends.writeEnd.rawValue).send(line: "x"))
        #expect(try await reader.read(upTo: 10) == Array("x".utf8))
        await reader.close()
        try ends.writeEnd.close()
    }

    @Test func `a socket serves as an end too`() async throws {
        let ends = try Descriptor.socketPair()
        let reader = try await PipeReader.adopt(FileDescriptor(rawValue: ends[0].number))
        let writer = try await PipeWriter.adopt(FileDescriptor(rawValue: ends[1].number))
        try await writer.write("through a socket")
        try await writer.finish()
        #expect(try await reader.readAll() == Array("through a socket".utf8))
        await reader.close()
    }

    @Test func `a terminal's other side is read and written as a pipe`() async throws {
        var (master, other): (Int32, Int32) = (-1, -1)
        // SAFETY: the call fills two live variables.
        try #require(unsafe openpty(&master, &other, nil, nil, nil) == 0)
        let reader = try await PipeReader.adopt(FileDescriptor(rawValue: other))
        defer { close(master) }
        #expect(Descriptor(number: master).send(line: "typed\n"))
        #expect(try await reader.read(upTo: 100) == Array("typed\n".utf8))
        await reader.close()
    }
}

extension Descriptor {
    fileprivate func send(line: String) -> Bool {
        write(Array(line.utf8)) == line.utf8.count
    }
}

/// A loop with nothing to do turns when it is asked to, and no more often.
///
/// What is on its way may still come, late on a busy machine: one quiet interval is enough. A loop
/// that spins has none, for it never waits in its poll; by its turns alone a thread that was kept
/// from running would look quiet.
func expectNoSpin(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let loop = try #require(EventLoop.current)
    for _ in 0..<50 {
        try await turnLoop(5)
        let (turns, waits) = (loop.core.turns, try waitCount())
        try await EventLoop.sleep(for: .milliseconds(5))
        if loop.core.turns - turns < 5, try waitCount() > waits { return }
    }
    Issue.record("the loop spins", sourceLocation: sourceLocation)
}

/// How often this thread has given the processor up by itself.
private func waitCount() throws -> Int {
    let text = try String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)
    let line = try #require(
        text.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") })
    return try #require(line.split(separator: "\t").last.flatMap { Int($0) })
}
