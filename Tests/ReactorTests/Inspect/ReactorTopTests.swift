// reactor-top, run as a program against another program that serves an inspector.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ReactorTopTests {
    private func program(_ name: String, _ arguments: [String]) throws -> Command {
        Command(try builtProgram(name).path, arguments)
    }

    @Test func `one look as JSON names the loop, its tasks, streams, timers and children`()
        async throws
    {
        try await InspectedProgram.run { inspected in
            var loop: LoopSnapshot
            // Again where a busy machine let the loop answer too late.
            repeat {
                let look = try await program(
                    "reactor-top", [inspected.path, "--once", "--json"]
                ).output()
                #expect(look.status == .exited(0))
                #expect(look.standardOutput.filter { $0 == UInt8(ascii: "\n") }.count == 1)
                let process = try JSONDecoder().decode(
                    ProcessSnapshot.self, from: Data(look.standardOutput))
                #expect(process.pid == inspected.pid)
                loop = try #require(process.loops.first { $0.loop == "main" })
            } while loop.isThreadHeld
            let tasks = Set(loop.tasks.map(\.name))
            #expect(tasks.isSuperset(of: ["inspector", "server", "sleeper", "keeper"]))
            let open = try #require(loop.statistics).open
            // The two ends of a connection, and of a pair.
            #expect(open["stream"] == 4)
            #expect(open["child"] == 1)
            #expect(loop.children.count == 1)
            #expect(loop.children[0].description.contains("sleep"))
            #expect(loop.timers.contains { $0.description.contains("sleep") })
        }
    }

    @Test func `one look as text has a line for each`() async throws {
        try await InspectedProgram.run { inspected in
            let look = try await program("reactor-top", [inspected.path, "--once"]).output()
            #expect(look.status == .exited(0))
            let text = look.text
            #expect(text.hasPrefix("Inspected, pid \(inspected.pid), "))
            for word in ["LOOP", "main", "sleeper", "server", "keeper", "sleep"] {
                #expect(text.contains(word), "\(word)")
            }
            // Standard output is no terminal: looks follow each other, without a screen.
            let few = try program("reactor-top", [inspected.path, "--interval", "0.05"])
            try await few.run { child in
                var looks = 0
                for try await line in child.standardOutput.lines() {
                    if line.hasPrefix("Inspected, pid ") { looks += 1 }
                    if looks == 3 { break }
                }
                #expect(looks == 3)
                try child.send(.terminate)
            }
        }
    }

    @Test func `nobody there, and a wrong argument, are told in a line`() async throws {
        let missing = try await program("reactor-top", ["/no/such", "--once"]).output()
        #expect(missing.status == .exited(1))
        // On a busy machine a slow step may be told of before.
        let lines = missing.errorText.split(separator: "\n")
        #expect(lines.last?.hasPrefix("reactor-top: connect to unix:/no/such: ") == true)
        let wrong = try await program("reactor-top", ["/no/such", "--json"]).output()
        #expect(wrong.status == .exited(64))
        #expect(wrong.errorText.contains("--json goes with --once"))
    }

    @Test func `another user is turned away, whatever the socket's mode has become`() async throws {
        guard geteuid() == 0 else { return Skip.note("not the superuser") }
        try await InspectedProgram.run { inspected in
            let path = inspected.path
            let script = """
                import socket, sys
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(20)
                try:
                    s.connect(sys.argv[1])
                    print(s.makefile().readline().strip())
                except PermissionError:
                    print("no permission")
                """
            let other = Command("python3", ["-c", script, path])
                .with { $0.user = .id(1234, group: 5678) }
            guard let kept = try await output(of: other) else { return Skip.note("no python3") }
            #expect(kept == "no permission\n")
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
            #expect(try await output(of: other) == "{\"error\":\"not your process\"}\n")
        }
    }

    /// Nothing if the program is not there, or not to be run by that user.
    private func output(of command: Command) async throws -> String? {
        do {
            return try await command.output().text
        } catch let error as ReactorError
            where [.noSuchFile, .accessDenied].contains(error.code)
        {
            return nil
        }
    }
}
