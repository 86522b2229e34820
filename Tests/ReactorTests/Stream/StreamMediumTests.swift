// Streams over what is no socket: the calls, the directions and the ends that differ.

import Foundation
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct StreamMediumTests {
    @Test func `a pipe carries bytes, and its end when the writer finishes`() async throws {
        let (reader, writer) = try pipe()
        defer { reader.abort() }
        try await writer.write(contentsOf: [Array("one ".utf8), Array("two".utf8)])
        #expect(try await reader.read(upTo: 100) == Array("one two".utf8))
        async let end = reader.read(upTo: 100)
        try await turnLoop()
        try await writer.finish()
        #expect(try await end == nil)
        #expect(writer.here.isClosed, "the end of a pipe is told by closing it")
        await expect(.finished) { try await writer.write([1]) }
    }

    @Test func `what a full pipe does not take waits, and goes in order`() async throws {
        let (reader, writer) = try pipe()
        defer { reader.abort() }
        let bytes = Pattern.bytes(1 << 20)
        async let write: Void = {
            for part in 0..<16 {
                try await writer.write(Array(bytes[(part << 16)..<((part + 1) << 16)]))
            }
            try await writer.finish()
        }()
        var all: [UInt8] = []
        while let chunk = try await reader.read(upTo: 65_536) { all += chunk }
        try await write
        #expect(all == bytes)
    }

    @Test func `a writer learns that the reader has gone`() async throws {
        let (reader, writer) = try pipe()
        defer { writer.abort() }
        reader.abort()
        // A child that another test is starting holds a copy until it runs its program.
        try await until { try await Outcome { try await writer.write([1]) } != .ok }
        await expect(.brokenPipe) { try await writer.write([1]) }
    }

    @Test func `a writer that waits learns it too`() async throws {
        let (reader, writer) = try pipe()
        defer { writer.abort() }
        async let outcome = Outcome { try await writer.write(Pattern.bytes(1 << 20)) }
        try await until { writer.here.outbound.waiting == 1 }
        reader.abort()
        #expect(try await outcome == .failed(.brokenPipe))
    }

    @Test func `the master of a pseudo-terminal ends with its other side`() async throws {
        let (master, other) = try pseudoTerminal()
        defer { master.abort() }
        _ = other.write(Array("last".utf8))
        other.close()
        var all: [UInt8] = []
        while let chunk = try await master.read(upTo: 100) { all += chunk }
        #expect(all == Array("last".utf8))
        await expect(.notSupported) { try await master.finish() }
    }

    @Test func `errors name what the stream is`() async throws {
        let (reader, writer) = try pipe()
        defer { writer.abort() }
        reader.abort()
        var error: ReactorError?
        try await until {
            do { try await writer.write([1]) } catch let thrown as ReactorError { error = thrown }
            return error != nil
        }
        #expect(error?.operation == "write to the tests' pipe")
    }
}

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct SIGPIPETests {
    @Test func `a write to a pipe that nobody reads raises no signal`() async {
        await #expect(processExitsWith: .success) {
            // The disposition of a new program: without care, a write ends it.
            signal(SIGPIPE, SIG_DFL)
            try await onThread {
                try EventLoop.run {
                    for parts in [[[1]], [[1], [2]]] as [[[UInt8]]] {
                        let (reader, writer) = try pipe()
                        reader.abort()
                        await expect(.brokenPipe) { try await writer.write(contentsOf: parts) }
                        writer.abort()
                    }
                }
                // Nothing is left for the thread to die of when its mask is its own again.
                #expect(!isBlocked(SIGPIPE))
                #expect(!isPending(SIGPIPE))
            }
        }
    }

    @Test func `a loop leaves a mask as it was`() async {
        await #expect(processExitsWith: .success) {
            try await onThread {
                #expect(!isBlocked(SIGPIPE))
                try EventLoop.run { #expect(isBlocked(SIGPIPE)) }
                #expect(!isBlocked(SIGPIPE))
                var set = sigset_t()
                // SAFETY: both calls fill or read the one variable.
                unsafe sigemptyset(&set)
                unsafe sigaddset(&set, SIGPIPE)
                unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
                try EventLoop.run { #expect(isBlocked(SIGPIPE)) }
                #expect(isBlocked(SIGPIPE))
            }
        }
    }
}

/// A pipe's two ends as streams of the current loop.
private func pipe() throws -> (reader: StreamHandle, writer: StreamHandle) {
    let (readEnd, writeEnd) = try Descriptor.pipe()
    return (
        try handle(readEnd, .pipeReader, "the tests' pipe"),
        try handle(writeEnd, .pipeWriter, "the tests' pipe")
    )
}

private func pseudoTerminal() throws -> (StreamHandle, Descriptor) {
    var (master, other): (Int32, Int32) = (-1, -1)
    // SAFETY: the call fills two live variables.
    try #require(unsafe openpty(&master, &other, nil, nil, nil) == 0)
    return (
        try handle(Descriptor(number: master), .terminal, "a terminal"), Descriptor(number: other)
    )
}

private func handle(
    _ descriptor: Descriptor, _ medium: StreamCore.Medium, _ name: String
) throws -> StreamHandle {
    let loop = try #require(EventLoop.current)
    return StreamHandle(
        try StreamCore(descriptor, medium, peer: .named(name), on: loop.core), on: loop)
}

private func isBlocked(_ number: Int32) -> Bool {
    var set = sigset_t()
    // SAFETY: the call fills a live variable.
    return unsafe pthread_sigmask(SIG_BLOCK, nil, &set) == 0 && sigismember(&set, number) == 1
}

private func isPending(_ number: Int32) -> Bool {
    var set = sigset_t()
    // SAFETY: the call fills a live variable.
    return unsafe sigpending(&set) == 0 && sigismember(&set, number) == 1
}
