// Commands that read from each other.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct PipelineTests {
    @Test func `each command reads what the one before it writes`() async throws {
        let pipeline =
            shell("printf 'b\\na\\nb\\n'") | Command("sort") | Command("uniq", "-c")
        let result = try await pipeline.output()
        #expect(result.text.split(separator: "\n").map { $0.drop { $0 == " " } } == ["1 a", "2 b"])
        #expect(result.statuses == [.exited(0), .exited(0), .exited(0)])
    }

    @Test func `a writer whose reader has gone dies of it, as in a shell`() async throws {
        let result = try await (Command("yes") | Command("head", "-n", "2")).output()
        #expect(result.text == "y\ny\n")
        #expect(result.statuses == [.signaled(.pipe, coreDumped: false), .exited(0)])
    }

    @Test func `an input and each one's complaints have their places`() async throws {
        let first = shell("cat; echo first >&2; exit 1").with { $0.standardInput = .text("in") }
        let result = try await (first | shell("cat; echo second >&2")).output()
        #expect(result.text == "in")
        #expect(result.commands.map(\.errorText) == ["first\n", "second\n"])
        #expect(result.statuses == [.exited(1), .exited(0)])
    }

    @Test func `one that cannot be started ends the others`() async {
        await expect(.noSuchFile) {
            try await (Command("yes") | Command("/no/such") | Command("cat")).output()
        }
        await expect(.invalidArgument) { try await Pipeline([]).output() }
    }

    @Test func `cancelling ends all`() async throws {
        let task = Task { try await (Command("sleep", "60") | Command("cat")).output() }
        try await turnLoop(50)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a pipeline of one is a command`() async throws {
        #expect(try await Pipeline(Command("echo", "one")).output().text == "one\n")
    }
}
