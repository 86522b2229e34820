// What a child finds: its environment, directory, descriptors, limits and rights.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ChildSurroundingsTests {
    @Test func `an environment is inherited, changed or replaced`() async throws {
        // SAFETY: no other test writes this variable.
        unsafe setenv("REACTOR_TEST_A", "a", 1)
        let print = shell("echo $REACTOR_TEST_A-$REACTOR_TEST_B")
        #expect(try await print.output().text == "a-\n")
        let changed = print.with {
            $0.environment = .update(["REACTOR_TEST_A": nil, "REACTOR_TEST_B": "b"])
        }
        #expect(try await changed.output().text == "-b\n")
        let replaced = Command("/usr/bin/env").with { $0.environment = .replace(["ONLY": "é=1"]) }
        #expect(try await replaced.output().text == "ONLY=é=1\n")
        let empty = Command("/usr/bin/env").with { $0.environment = .replace([:]) }
        #expect(try await empty.output().text == "")
    }

    @Test func `a program is found by the child's PATH, not by this process's`() async throws {
        let directory = "/tmp/reactor-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let tool = "\(directory)/reactor-test-tool"
        // A link: a file that was just written may still be open in somebody's new child.
        try FileManager.default.createSymbolicLink(
            atPath: tool, withDestinationPath: "/bin/echo")
        let command = Command("reactor-test-tool", "mine").with {
            $0.environment = .update(["PATH": "/no/such:\(directory)"])
        }
        #expect(try await command.output().text == "mine\n")
        await expect(.noSuchFile) { try await Command("reactor-test-tool").output() }
    }

    @Test func `a name of its own is what the program sees`() async throws {
        let command = shell("echo $0").with { $0.name = "-sh" }
        #expect(try await command.output().text == "-sh\n")
    }

    @Test func `a directory is entered before a relative program is looked up`() async throws {
        #expect(try await Command("pwd").with { $0.directory = "/" }.output().text == "/\n")
        let relative = Command("bin/sh", "-c", "pwd").with { $0.directory = "/" }
        #expect(try await relative.output().text == "/\n")
    }

    // MARK: Descriptors

    @Test func `no descriptor is passed on but those that are named`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        // One that children would inherit.
        // SAFETY: a terminated string that lives through the call.
        let leak = unsafe open("/dev/null", O_RDONLY)
        defer { close(leak) }
        #expect(try await listing(Command("ls", "/proc/self/fd")) == [0, 1, 2, 3])
        let command = Command("ls", "/proc/self/fd").with {
            $0.descriptors = [9: FileDescriptor(rawValue: leak)]
        }
        #expect(try await listing(command) == [0, 1, 2, 3, 9])
    }

    /// The last one is what `ls` lists by.
    private func listing(_ command: Command) async throws -> [Int] {
        try await command.output().text.split(separator: "\n").compactMap { Int($0) }.sorted()
    }

    @Test func `descriptors from three to nine carry both ways`() async throws {
        let (reader, writer) = try Descriptor.childPipe()
        let command = shell("for n in 3 4 5 6 7 8 9; do eval \"echo $n >&$n\"; done").with {
            for number in 3...9 as ClosedRange<Int32> {
                $0.descriptors[number] = FileDescriptor(rawValue: writer.number)
            }
        }
        #expect(try await command.run() == .exited(0))
        writer.close()
        #expect(String(decoding: contents(of: reader), as: UTF8.self) == "3\n4\n5\n6\n7\n8\n9\n")
    }

    @Test func `numbers may be swapped`() async throws {
        let (first, firstWriter) = try Descriptor.childPipe()
        let (second, secondWriter) = try Descriptor.childPipe()
        let names = [firstWriter.number, secondWriter.number]
        let command = Command("/bin/bash", "-c", "echo a >&\(names[0]); echo b >&\(names[1])").with
        {
            $0.descriptors = [
                names[0]: FileDescriptor(rawValue: names[1]),
                names[1]: FileDescriptor(rawValue: names[0]),
            ]
        }
        #expect(try await command.run() == .exited(0))
        firstWriter.close()
        secondWriter.close()
        #expect(contents(of: first) == Array("b\n".utf8))
        #expect(contents(of: second) == Array("a\n".utf8))
    }

    @Test func `outputs may go to each other's places`() async throws {
        let (first, firstWriter) = try Descriptor.childPipe()
        let (second, secondWriter) = try Descriptor.childPipe()
        let command = shell("echo out; echo err >&2").with {
            $0.standardOutput = .descriptor(FileDescriptor(rawValue: secondWriter.number))
            $0.standardError = .descriptor(FileDescriptor(rawValue: firstWriter.number))
        }
        #expect(try await command.run() == .exited(0))
        firstWriter.close()
        secondWriter.close()
        #expect(contents(of: first) == Array("err\n".utf8))
        #expect(contents(of: second) == Array("out\n".utf8))
    }

    private func contents(of reader: Descriptor) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var all: [UInt8] = []
        while true {
            // SAFETY: the call fills at most the array that it is lent.
            let count = unsafe read(reader.number, &buffer, buffer.count)
            guard count > 0 else { break }
            all += buffer[..<count]
        }
        reader.close()
        return all
    }

    // MARK: Rights

    @Test func `limits, niceness and umask are the child's`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let command = shell("ulimit -n; ulimit -Hn; nice; umask").with {
            $0.limits = [.openFiles(50, hard: 60), .coreSize(bytes: 0)]
            $0.niceness = 5
            $0.umask = 0o027
        }
        #expect(try await command.output().text == "50\n60\n5\n0027\n")
    }

    @Test func `a session and a group are the child's own`() async throws {
        let session = shell("cut -d' ' -f1,5,6 /proc/self/stat; echo $$").with {
            $0.newSession = true
        }
        let words = try await session.output().text.split { $0 == " " || $0 == "\n" }
        #expect(words[1] == words[3] && words[2] == words[3])
        guard !Spawner.usesUV else { return }
        let group = shell("cut -d' ' -f5 /proc/self/stat; echo $$").with { $0.processGroup = .new }
        let lines = try await group.output().text.split(separator: "\n")
        #expect(lines[0] == lines[1])
    }

    @Test func `a child may be another user`() async throws {
        guard geteuid() == 0 else { return Skip.note("not the superuser") }
        let numbered = shell("id -u; id -g; id -G").with { $0.user = .id(1234, group: 5678) }
        #expect(try await numbered.output().text == "1234\n5678\n5678\n")
        guard !Spawner.usesUV else { return }
        let named = shell("id -un").with { $0.user = .named("nobody") }
        #expect(try await named.output().text == "nobody\n")
    }
}
