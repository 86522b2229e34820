// Children on a terminal of their own.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct PseudoTerminalTests {
    private func onTerminal(_ command: Command) -> Command {
        command.with { $0.terminal = TerminalSize(columns: 91, rows: 33) }
    }

    @Test func `a child sees a terminal of the size that was asked for`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        #expect(try await onTerminal(Command("stty", "size")).output().text == "33 91\r\n")
        let tty = try await onTerminal(shell("tty; test -t 0 && test -t 1 && test -t 2")).output()
        #expect(tty.status == .exited(0))
        #expect(tty.text.hasPrefix("/dev/pts/"))
    }

    @Test func `it is the child's controlling terminal`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let result = try await onTerminal(shell("echo there > /dev/tty")).output()
        #expect(result.text == "there\r\n")
    }

    @Test func `everything that is shown arrives, then the end`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789"
        let result = try await onTerminal(shell("\(script); i=$((i+1)); done"))
            .output(limitBytes: 2 << 20)
        #expect(result.standardOutput.count == 20_000 * 42)
        #expect(result.status == .exited(0))
    }

    @Test func `what is typed is read, and control-C is a signal`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        // Without `exec` a shell that is just starting `sleep` may swallow the signal.
        let command = onTerminal(
            shell("printf 'Password: '; read word; echo \"[$word]\"; exec sleep 60"))
        let status = try await command.run { child in
            let reader = BufferedReader(child.terminal)
            #expect(try await text(reader, through: "Password: ") == "Password: ")
            try await child.terminal.write("secret\n".utf8)
            #expect(try await text(reader, through: "[secret]").hasSuffix("[secret]"))
            try await child.terminal.write([3])
            try await child.waitUntilExit()
        }
        #expect(status == .signaled(.interrupt, coreDumped: false))
    }

    @Test func `a child is told of another size`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let command = onTerminal(
            shell("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"))
        try await command.run { child in
            let reader = BufferedReader(child.terminal)
            _ = try await text(reader, through: "ready")
            try await child.terminal.resize(TerminalSize(columns: 100, rows: 50))
            #expect(try await text(reader, through: "50 100").hasSuffix("50 100"))
        }
    }

    @Test func `what is not the terminal's goes elsewhere`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let command = onTerminal(shell("test -t 0 && test -t 1 || exit 1; echo err >&2"))
            .with { $0.standardError = .pipe }
        let result = try await command.output()
        #expect(result.status == .exited(0))
        #expect(result.errorText == "err\n")
        #expect(result.text == "")
    }

    private func text(
        _ reader: BufferedReader<PseudoTerminal>, through end: String
    ) async throws -> String {
        let bytes = try #require(try await reader.read(through: Array(end.utf8)))
        return String(decoding: bytes, as: UTF8.self)
    }
}
