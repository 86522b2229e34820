// FIFOs: pipes with a name, whose two sides come and go by themselves.

import Foundation
import SystemPackage
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct FIFOTests {
    @Test func `a reader waits for its first writer and ends with its last`() async throws {
        try await withFIFO { path in
            let reader = try await PipeReader.open(path)
            async let first = reader.read(upTo: 10)
            try await turnLoop()
            let writer = try await PipeWriter.open(path)
            try await turnLoop()
            try await writer.write([1])
            #expect(try await first == [1])
            await writer.close()
            #expect(try await reader.read(upTo: 10) == nil)
            try await expectNoSpin()
            await reader.close()
        }
    }

    @Test func `a writer waits for a reader`() async throws {
        try await withFIFO { path in
            async let opening = PipeWriter.open(path)
            try await turnLoop()
            let reader = try await PipeReader.open(path)
            let writer = try await opening
            try await writer.write([7])
            #expect(try await reader.read(upTo: 10) == [7])
            await reader.close()
            await writer.close()
        }
    }

    @Test func `a writer that waits for a reader can be cancelled`() async throws {
        try await withFIFO { path in
            let opening = Task { try await Outcome { _ = try await PipeWriter.open(path) } }
            try await turnLoop()
            opening.cancel()
            #expect(try await opening.value == .cancelled)
        }
    }

    @Test func `a reader that stays open serves writer after writer`() async throws {
        try await withFIFO { path in
            let reader = try await PipeReader.open(path, staysOpen: true)
            for byte in 0..<UInt8(5) {
                let writer = try await PipeWriter.open(path)
                try await writer.write([byte])
                await writer.close()
                #expect(try await reader.read(upTo: 10) == [byte])
                try await expectNoSpin()
            }
            await reader.close()
        }
    }

    @Test func `a reader that has gone is a broken pipe`() async throws {
        try await withFIFO { path in
            let reader = try await PipeReader.open(path)
            let writer = try await PipeWriter.open(path)
            await reader.close()
            // A child that another test is starting holds a copy until it runs its program.
            try await until { try await Outcome { try await writer.write([1]) } != .ok }
            await expect(.brokenPipe) { try await writer.write([1]) }
            try await expectNoSpin()
            await writer.close()
        }
    }

    @Test func `what is no FIFO is refused, untouched`() async throws {
        try await withFIFO { path in
            let file = path.removingLastComponent().appending("file")
            let descriptor = try FileDescriptor.open(
                file, .writeOnly, options: .create, permissions: .ownerReadWrite)
            try descriptor.writeAll(Array("content".utf8))
            try descriptor.close()
            await expect(.invalidArgument) { try await PipeReader.open(file) }
            await expect(.invalidArgument) { try await PipeWriter.open(file) }
            await expect(.invalidArgument) {
                try await PipeReader.open(path.removingLastComponent())
            }
            #expect(try String(contentsOfFile: file.string, encoding: .utf8) == "content")
            let missing = path.removingLastComponent().appending("missing")
            await expect(.noSuchFile) { try await PipeReader.open(missing) }
            await expect(.noSuchFile) { try await PipeWriter.open(missing) }
        }
    }

    @Test func `opening in a cancelled task opens nothing`() async throws {
        try await withFIFO { path async throws in
            #expect(try await cancelled { _ = try await PipeReader.open(path) } == .cancelled)
            #expect(try await cancelled { _ = try await PipeWriter.open(path) } == .cancelled)
        }
    }
}

/// Runs `body` with a FIFO in a directory of its own.
private func withFIFO(_ body: (FilePath) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(
        path: "reactor-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = directory.appending(path: "fifo").path
    // SAFETY: the call reads a terminated string.
    try #require(unsafe mkfifo(path, 0o600) == 0)
    try await body(FilePath(path))
}
