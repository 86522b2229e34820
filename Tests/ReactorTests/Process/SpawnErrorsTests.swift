// What cannot be started, and the words for it.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SpawnErrorsTests {
    @Test func `a program that is nowhere is looked for by name, and the places are told`() async {
        let command = Command("no-such-program").with {
            $0.environment = .replace(["PATH": "/bin"])
        }
        await refused(command, .noSuchFile, "run no-such-program")
        await refused(Command("/no/such"), .noSuchFile, "run /no/such")
        await refused(Command(""), .noSuchFile, "without a name")
    }

    @Test func `a directory is no program`() async {
        await refused(Command("/tmp"), .accessDenied, "run /tmp, which is a directory")
    }

    @Test func `a file that may not be run is told as that`() async throws {
        try await withFile("#!/bin/sh\n") { path in
            await refused(
                Command(path.string), .accessDenied, "run \(path), which is not executable")
        }
    }

    @Test func `a text without an interpreter is no program`() async throws {
        // libuv's exec gives it to a shell.
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        try await withFile("echo hello\n") { path in
            // SAFETY: a terminated string that lives through the call.
            unsafe chmod(path.string, 0o755)
            await refused(
                Command(path.string), .notExecutable,
                "run \(path), which is neither a program nor begins with a #! line")
        }
    }

    @Test func `a program that somebody writes is told as that`() async throws {
        try await withFile("#!/bin/sh\n") { path in
            // SAFETY: a terminated string that lives through the call.
            unsafe chmod(path.string, 0o755)
            let writer = try FileDescriptor.open(path, .writeOnly)
            let error = await #expect(throws: ReactorError.self) {
                _ = try await Command(path.string).spawn()
            }
            #expect(error?.code == .programBusy)
            #expect(error?.operation.contains("which somebody has open for writing") == true)
            try writer.close()
        }
    }

    @Test func `a long PATH is told in short`() async {
        let command = Command("no-such-program").with {
            let places = (1...20).map { "/place/\($0)" }
            $0.environment = .replace(["PATH": places.joined(separator: ":")])
        }
        await refused(
            command, .noSuchFile,
            "in none of /place/1:/place/2:/place/3:/place/4 and 16 more places of its PATH")
        await refused(Command("ls -l"), .noSuchFile, "(arguments are given apart from it)")
    }

    @Test func `a FIFO that would wait for its other end is refused`() async throws {
        try await withFile("") { path in
            let fifo = path.string + ".fifo"
            // SAFETY: a terminated string that lives through the call.
            try #require(unsafe mkfifo(fifo, 0o600) == 0)
            defer { try? FileManager.default.removeItem(atPath: fifo) }
            let reader = Command("cat").with { $0.standardInput = .file(FilePath(fifo)) }
            await refused(reader, .invalidArgument, "a FIFO, which may wait for its other end")
            let writer = Command("echo").with { $0.standardOutput = .file(FilePath(fifo)) }
            await refused(writer, .invalidArgument, "a FIFO, which may wait for its other end")
            let other = try FileDescriptor.open(FilePath(fifo), .readOnly, options: .nonBlocking)
            #expect(
                try await Command("echo", "x").with { $0.standardOutput = .file(FilePath(fifo)) }
                    .run() == .exited(0))
            try other.close()
        }
    }

    @Test func `a script whose interpreter is missing says so`() async throws {
        try await withFile("#!/no/such/interpreter\n") { path in
            // SAFETY: a terminated string that lives through the call.
            unsafe chmod(path.string, 0o755)
            await refused(Command(path.string), .noSuchFile, "interpreter or loader is missing")
        }
    }

    @Test func `a directory that cannot be entered is named, not the program`() async throws {
        let missing = Command("true").with { $0.directory = "/no/such/place" }
        await refused(missing, .noSuchFile, "run true in the directory /no/such/place")
        try await withFile("a file") { path in
            let file = Command("true").with { $0.directory = path }
            await refused(file, .notADirectory, "in the directory \(path)")
        }
    }

    @Test func `more arguments than the system takes are counted`() async {
        let long = [String](repeating: String(repeating: "x", count: 100_000), count: 40)
        await refused(Command("true", long), .argumentsTooLong, "4000045 bytes of arguments")
        let variables = Dictionary(uniqueKeysWithValues: long.enumerated().map { ("\($0)", $1) })
        let command = Command("/bin/true").with { $0.environment = .replace(variables) }
        await refused(command, .argumentsTooLong, "bytes of arguments and environment")
    }

    @Test func `a file that cannot be opened is named with its place`() async {
        let command = Command("cat").with { $0.standardInput = .file("/no/such/file") }
        await refused(command, .noSuchFile, "open /no/such/file as its standard input")
        let output = Command("cat").with { $0.standardOutput = .file("/tmp") }
        await refused(output, .init(rawValue: -EISDIR), "open /tmp as its standard output")
    }

    @Test func `a user that does not exist is named`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let command = Command("true").with { $0.user = .named("no-such-user") }
        await refused(command, .invalidArgument, "as no-such-user: no such user")
    }

    @Test func `a limit that cannot be is named`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let command = Command("true").with { $0.limits = [.openFiles(100, hard: 50)] }
        await refused(command, .refusedArgument, "limit its open files to 100")
    }

    @Test func `a group that cannot be joined is told`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let command = Command("true").with { $0.processGroup = .join(1) }
        await refused(command, .notPermitted, "run true in its process group")
    }

    @Test func `what libuv cannot do is refused by it`() async throws {
        guard Spawner.usesUV else { return }
        for change in [
            { $0.terminal = TerminalSize() }, { $0.processGroup = .new }, { $0.niceness = 1 },
            { $0.limits = [.openFiles(9)] }, { $0.umask = 0 }, { $0.parentDeathSignal = .kill },
            { $0.user = .named("root") },
        ] as [(inout Command) -> Void] {
            await refused(Command("true").with(change), .notSupported, "by uv_spawn")
        }
    }

    private func refused(
        _ command: Command, _ code: ReactorError.Code, _ words: String,
        at place: SourceLocation = #_sourceLocation
    ) async {
        var error: ReactorError?
        repeat {
            // A script that was just written may still be open in somebody's new child.
            error = await #expect(throws: ReactorError.self, sourceLocation: place) {
                _ = try await command.spawn()
            }
        } while error?.code == .init(rawValue: -ETXTBSY)
        #expect(error?.code == code, sourceLocation: place)
        #expect(
            error?.operation.contains(words) == true, "\(error?.description ?? "")",
            sourceLocation: place)
    }
}
