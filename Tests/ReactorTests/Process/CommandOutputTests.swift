// What commands say, collected: both outputs, limits, inputs, and those who hold them open.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct CommandOutputTests {
    @Test func `both outputs and the status come together`() async throws {
        let result = try await shell("echo out; echo err >&2; exit 3").output()
        #expect(result.text == "out\n")
        #expect(result.errorText == "err\n")
        #expect(result.status == .exited(3))
        #expect(!result.isTruncated)
    }

    @Test func `merged outputs keep the order of writing`() async throws {
        let command = shell("echo 1; echo 2 >&2; echo 3")
            .with { $0.standardError = .standardOutput }
        #expect(try await command.output().text == "1\n2\n3\n")
    }

    @Test func `ten MiB each way at once arrive, byte for byte`() async throws {
        let bytes = Pattern.bytes(10 << 20)
        let command = shell("tee /dev/stderr").with { $0.standardInput = .bytes(bytes) }
        let result = try await command.output(limitBytes: 20 << 20)
        #expect(result.status == .exited(0))
        #expect(result.standardOutput == bytes)
        #expect(result.standardError == bytes)
    }

    @Test func `the input is empty unless the command says otherwise`() async throws {
        #expect(try await Command("cat").output().text == "")
        let text = Command("cat").with { $0.standardInput = .text("words") }
        #expect(try await text.output().text == "words")
    }

    @Test func `an input may come from a reader, or a file`() async throws {
        let script = Script(Array("from a reader".utf8), splitAt: [3, 7])
        let command = Command("cat").with { $0.standardInput = .reader(script) }
        #expect(try await command.output().text == "from a reader")
        try await withFile("from a file") { path in
            let command = Command("cat").with { $0.standardInput = .file(path) }
            let text = try await command.output().text
            #expect(text == "from a file")
        }
    }

    @Test func `a reader that fails is heard of`() async throws {
        struct Broken: ByteReader {
            func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
                throw ReactorError(.connectionReset, "the test's reader")
            }
            func read(upTo maxBytes: Int) async throws -> [UInt8]? { nil }
        }
        let command = Command("cat").with { $0.standardInput = .reader(Broken()) }
        await expect(.connectionReset) { try await command.output() }
    }

    @Test func `a child that does not want its input is no error`() async throws {
        let command = shell("exec <&-; echo done")
            .with { $0.standardInput = .bytes(Pattern.bytes(1 << 20)) }
        let result = try await command.output()
        #expect(result.status == .exited(0))
        #expect(result.text == "done\n")
    }

    @Test func `outputs may go to files, and be added to them`() async throws {
        try await withFile("old") { path in
            try await shell("echo one").with { $0.standardOutput = .file(path) }.run()
            try await shell("echo two").with { $0.standardOutput = .appending(path) }.run()
            let text = try String(contentsOfFile: path.string, encoding: .utf8)
            #expect(text == "one\ntwo\n")
        }
    }

    // MARK: Limits

    @Test func `an output of exactly the limit is whole`() async throws {
        let result = try await shell("printf 12345").output(limitBytes: 5)
        #expect(result.text == "12345")
        #expect(!result.isTruncated)
    }

    @Test func `more than the limit ends the child, by a typed error`() async throws {
        let error = await #expect(throws: ReactorError.self) {
            try await Command("yes").output(limitBytes: 1000)
        }
        #expect(error?.code == .limitExceeded)
        #expect(error?.operation.contains("1000 bytes of the standard output of yes") == true)
        await expect(.limitExceeded) {
            try await shell("exec yes >&2").output(limitBytes: 1000)
        }
    }

    @Test func `the head or the tail may be kept instead`() async throws {
        let command = shell("i=0; while [ $i -lt 9999 ]; do echo $i; i=$((i+1)); done")
        let whole = (0..<9999).map { "\($0)\n" }.joined()
        let head = try await command.output(limitBytes: 1000, atLimit: .keepHead)
        #expect(head.text == whole.prefix(1000))
        #expect(head.isTruncated)
        #expect(head.status == .exited(0))
        let tail = try await command.output(limitBytes: 1000, atLimit: .keepTail)
        #expect(tail.text == whole.suffix(1000))
        #expect(tail.isTruncated)
        let none = try await command.output(limitBytes: 0, atLimit: .keepTail)
        #expect(none.text == "" && none.isTruncated)
        await expect(.invalidArgument) { try await command.output(limitBytes: -1) }
    }

    // MARK: Who else holds it

    @Test func `a grandchild that holds the output does not hold up the result`() async throws {
        let command = shell("sleep 60 & echo $!").with { $0.outputGrace = .milliseconds(20) }
        let result = try await command.output()
        #expect(result.status == .exited(0))
        kill(try #require(Int32(result.text.dropLast())), SIGKILL)
    }

    @Test func `nor a body that reads to the end, nor one that begins after it`() async throws {
        let command = shell("echo early; sleep 60 & echo $!")
            .with { $0.outputGrace = .milliseconds(20) }
        try await command.run { child in
            try await child.waitUntilExit()
            try await EventLoop.sleep(for: .milliseconds(40))
            var lines: [String] = []
            for try await line in child.standardOutput.lines() { lines.append(line) }
            #expect(lines.first == "early")
            kill(try #require(Int32(lines[1])), SIGKILL)
        }
    }

    @Test func `what a child has written before its end is there, however much is unread`()
        async throws
    {
        let command = shell("head -c 200000 /dev/zero; sleep 60 & echo $!")
            .with { $0.outputGrace = .milliseconds(20) }
        try await command.run { child in
            var count = 0
            var last: [UInt8] = []
            while let chunk = try await child.standardOutput.read(upTo: 1000) {
                count += chunk.count
                last = chunk
            }
            let digits = last.drop { $0 == 0 }
            #expect(count == 200_000 + digits.count)
            kill(try #require(Int32(String(decoding: digits.dropLast(), as: UTF8.self))), SIGKILL)
        }
    }

    @Test func `what has been written stays readable after the end`() async throws {
        try await shell("echo one; echo two").run { child in
            try await child.waitUntilExit()
            var lines: [String] = []
            for try await line in child.standardOutput.lines() { lines.append(line) }
            #expect(lines == ["one", "two"])
        }
    }

    @Test func `a child can open its standard output again by its path`() async throws {
        #expect(try await shell("echo again > /dev/stdout").output().text == "again\n")
    }
}

/// A file of its own with that text.
func withFile(
    _ text: String, _ body: (FilePath) async throws -> Void
) async throws {
    let path = "/tmp/reactor-\(UUID().uuidString)"
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(FilePath(path))
}
