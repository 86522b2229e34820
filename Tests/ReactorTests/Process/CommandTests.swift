// Commands as values: what they are called, and what is refused before anything is started.

import SystemPackage
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct CommandTests {
    @Test func `a command prints as a shell would take it`() {
        #expect(Command("git", "status").description == "git status")
        #expect(Command("echo", ["a b", "", "it's"]).description == "echo 'a b' '' 'it'\\''s'")
    }

    @Test func `a copy is changed, the command is not`() {
        let command = Command("ls")
        let other = command.with { $0.arguments = ["-l"] }
        #expect(command.arguments == [])
        #expect(other.arguments == ["-l"])
    }

    @Test func `a path stays one without a slash`() {
        #expect(Command(FilePath("tool")).program == "./tool")
        #expect(Command(FilePath("/bin/tool")).program == "/bin/tool")
    }

    @Test func `a program is looked for where the child's PATH says`() {
        #expect(Preparation.candidates("ls", "/a::/b") == ["/a/ls", "./ls", "/b/ls"])
        #expect(Preparation.candidates("./ls", "/a") == ["./ls"])
        #expect(Preparation.candidates("ls", nil) == ["/bin/ls", "/usr/bin/ls"])
    }

    @Test func `what no child can have is refused by the name of the field`() {
        let commands: [Command] = [
            Command("l\0s"), Command("ls", "a", "b\0c"), Command("ls").with { $0.name = "\0" },
            Command("ls").with { $0.directory = FilePath("") },
            Command("ls").with { $0.environment = .replace(["": "x"]) },
            Command("ls").with { $0.environment = .replace(["a=b": "x"]) },
            Command("ls").with { $0.environment = .update(["a\0b": nil]) },
            Command("ls").with { $0.environment = .update(["a": "b\0"]) },
            Command("ls").with { $0.standardInput = .standardOutput },
            Command("ls").with { $0.standardOutput = .bytes([]) },
            Command("ls").with { $0.standardInput = .appending("/tmp/x") },
            Command("ls").with { $0.standardError = .terminal },
            Command("ls").with { $0.standardError = .file("") },
            Command("ls").with { $0.descriptors = [2: FileDescriptor(rawValue: 0)] },
            Command("ls").with { $0.processGroup = .join(0) },
            Command("ls").with {
                $0.processGroup = .join(1)
                $0.newSession = true
            },
            Command("ls").with { $0.niceness = 20 }, Command("ls").with { $0.umask = 0o1000 },
            Command("ls").with { $0.parentDeathSignal = Signal(rawValue: 65) },
            Command("ls").with { $0.user = .named("") },
        ]
        for (index, command) in commands.enumerated() {
            let error = #expect(throws: ReactorError.self, "\(index)") { try command.check() }
            #expect(error?.code == .invalidArgument, "\(index)")
            #expect(error?.operation.contains("run ") == true, "\(index)")
        }
    }

    @Test func `an argument is named by its number`() {
        let error = #expect(throws: ReactorError.self) { try Command("ls", "a", "b\0").check() }
        #expect(error?.operation.contains("argument 2") == true)
    }

    @Test func `a descriptor that is not open is refused`() {
        let none = FileDescriptor(rawValue: 60_000)
        for command in [
            Command("ls").with { $0.standardInput = .descriptor(none) },
            Command("ls").with { $0.descriptors = [5: none] },
        ] {
            let error = #expect(throws: ReactorError.self) { try command.check() }
            #expect(error?.code == .badDescriptor)
        }
    }

    @Test func `a result prints as a status and sizes`() {
        var result = CommandOutput(
            status: .exited(1), standardOutput: [], standardError: [1, 2], resourceUsage: nil,
            isTruncated: false)
        #expect("\(result)" == "exited with 1, 0 bytes of output, 2 of errors")
        result.isTruncated = true
        #expect("\(result)".hasSuffix(", truncated"))
    }

    @Test func `statuses read as sentences`() {
        #expect(ExitStatus.exited(3).description == "exited with 3")
        #expect(
            ExitStatus.signaled(.kill, coreDumped: false).description == "killed by SIGKILL")
        #expect(ExitStatus.exited(0).isSuccess)
        #expect(!ExitStatus.signaled(.terminate, coreDumped: true).isSuccess)
    }
}
