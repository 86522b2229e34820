// The examples that run other programs, run as programs themselves.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ProcessExamplesTests {
    private func example(_ name: String, _ arguments: [String]) throws -> Command {
        Command(try builtProgram(name).path, arguments)
    }

    @Test func `run-parallel runs a command for each line, and tells what became of it`()
        async throws
    {
        let command = try example("RunParallel", ["--jobs", "2", "--", "sh", "-c", "exit {}"])
            .with { $0.standardInput = .text("0\n3\n") }
        let result = try await command.output()
        #expect(result.status == .exited(1))
        let lines = result.text.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.contains { $0.hasPrefix("0 ") && $0.hasSuffix("sh -c 'exit 0'") })
        #expect(lines.contains { $0.hasPrefix("3 ") && $0.hasSuffix("sh -c 'exit 3'") })
    }

    @Test func `run-parallel takes lines as commands, and one that is missing as a failure`()
        async throws
    {
        let shells = try example("RunParallel", []).with { $0.standardInput = .text("echo a\n") }
        let result = try await shells.output()
        #expect(result.status == .exited(0))
        #expect(result.text.hasPrefix("a\n"))
        let missing = try example("RunParallel", ["--", "/no/such"])
            .with { $0.standardInput = .text("line\n") }
        let failed = try await missing.output()
        #expect(failed.status == .exited(1))
        #expect(failed.text.contains("run /no/such: no such file or directory"))
    }

    @Test func `run-parallel ends what runs on SIGTERM`() async throws {
        let command = try example("RunParallel", ["-j", "2", "sh", "-c", "echo $$; exec sleep 60"])
            .with { $0.standardInput = .text("a\nb\n") }
        var pids: [Int32] = []
        let status = try await command.run { child in
            for try await line in child.standardOutput.lines() {
                if let pid = Int32(line) { pids.append(pid) }
                if pids.count == 2 { try? child.send(.terminate) }
            }
            try await child.waitUntilExit()
        }
        #expect(status == .exited(1))
        #expect(pids.count == 2)
        for pid in pids { #expect(kill(pid, 0) == -1, "\(pid) runs on") }
    }

    @Test func `keep-running starts what fails again, and is done when all are`() async throws {
        // It starts its commands in groups of their own.
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let mark = "/tmp/reactor-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let script = "test -e \(mark) && exit 0; touch \(mark); exit 7"
        let result = try await example("KeepRunning", ["--pause", "1", script]).output()
        #expect(result.status == .exited(0))
        #expect(result.text.contains(": exited with 7\n"))
        #expect(result.text.hasSuffix(": exited with 0\n"))
    }

    @Test func `keep-running ends all in reverse order on SIGTERM`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let scripts = ["echo a; exec sleep 60", "echo b; exec sleep 61"]
        let command = try example("KeepRunning", scripts)
        let status = try await command.run { child in
            var started = 0
            var ended: [String] = []
            for try await line in child.standardOutput.lines() {
                if line == "a" || line == "b" { started += 1 }
                if line == "a" || line == "b", started == 2 { try child.send(.terminate) }
                if line.hasSuffix(": ended") { ended.append(line) }
            }
            let order = ["echo b; exec sleep 61: ended", "echo a; exec sleep 60: ended"]
            #expect(ended == order)
            try await child.waitUntilExit()
        }
        #expect(status == .exited(0))
    }

    @Test(arguments: ["RunParallel", "KeepRunning"])
    func `each says how it is used`(_ name: String) async throws {
        let result = try await example(name, ["--help"]).output()
        #expect(result.status == .exited(0))
        #expect(result.text.contains("USAGE:"))
    }
}
