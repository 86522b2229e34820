// A process to look at from outside.

import Foundation
import Testing

@testable import Reactor

/// The fixture `Inspected` at work, with an inspector at a path.
struct InspectedProgram {
    let path: String
    let pid: Int32

    /// Runs it, hands it to `body`, and ends it with SIGTERM. Returns what it logged.
    @discardableResult
    static func run(
        debugging: Bool = false, _ body: @escaping @Sendable (InspectedProgram) async throws -> Void
    ) async throws -> String {
        try await withDirectory { directory in
            let path = directory.appending("inspector").string
            let command = Command(try builtProgram("Inspected").path, [path]).with {
                $0.environment = .update(["REACTOR_DEBUG": debugging ? "1" : nil])
                $0.standardError = .pipe
            }
            var log = ""
            let status = try await command.run { child in
                let output = BufferedReader(child.standardOutput)
                #expect(try await output.readLine() == "ready")
                // It is served on a loop of its own, which may be later.
                try await until {
                    guard let stream = try? await UnixStream.connect(path: path) else {
                        return false
                    }
                    await stream.close()
                    return true
                }
                try await body(InspectedProgram(path: path, pid: child.pid))
                try child.send(.terminate)
                for try await line in child.standardError.lines() { log += line + "\n" }
                try await child.waitUntilExit()
            }
            #expect(status == .exited(0))
            #expect(!FileManager.default.fileExists(atPath: path))
            return log
        }
    }

    /// What it answers; of its own loop, once that has come round.
    func look() async throws -> LoopSnapshot {
        while true {
            let stream = try await UnixStream.connect(path: path)
            try await stream.write("snapshot\n")
            let answer = try await BufferedReader(stream).readLine(limitBytes: 1 << 20)
            await stream.close()
            let process = try JSONDecoder().decode(
                ProcessSnapshot.self, from: Data(try #require(answer).utf8))
            let loop = try #require(process.loops.first { $0.loop == "main" })
            if !loop.isThreadHeld { return loop }
        }
    }
}
