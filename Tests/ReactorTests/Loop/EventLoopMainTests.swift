// Loops on a process's main thread, which an exit test does not have: two programs of our own.

import Foundation
import Testing

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct EventLoopMainTests {
    @Test func `run from main.swift serves the main actor and Dispatch, to the end`() async throws {
        #expect(try await output(of: "RunFromMain") == "thrown\ndone 302\n")
    }

    @Test func `run from a synchronous @main serves the main actor`() async throws {
        #expect(try await output(of: "RunFromAtMain") == "done 101\n")
    }

    /// What a program beside this one prints, if it ends well.
    private func output(of name: String) async throws -> String {
        let program = try builtProgram(name)
        return try await onThread {
            let process = Process()
            let pipe = Pipe()
            process.executableURL = program
            process.standardOutput = pipe
            try process.run()
            let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 0)
            return String(decoding: output, as: UTF8.self)
        }
    }
}
