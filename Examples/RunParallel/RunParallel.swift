// A small `xargs -P`: runs a command for each line of its input, several at a time, and ends with a
// table of what each took.
//
//     ls *.wav | swift run RunParallel --jobs 4 flac --silent {}

import ArgumentParser
import Foundation
import Reactor

@main
struct RunParallel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-parallel",
        abstract: "Runs a command for each line of standard input, several at a time.",
        discussion: """
            In the command {} stands for the line; without one the line is its last argument. \
            Without a command each line is one, for the shell. Ends with a table of status, time, \
            CPU and memory, and with status 1 if one of them failed. SIGTERM and control-C end \
            those that run. A command's memory counts from this program's own on: the kernel \
            takes it over where a program is started without copying its parent.
            """)

    @Option(name: .shortAndLong, help: "How many run at a time.")
    var jobs = ProcessInfo.processInfo.activeProcessorCount

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func validate() throws {
        if jobs < 1 { throw ValidationError("--jobs is at least 1") }
        // All that follows the first unknown word is the command's.
        guard let first = command.first, first.hasPrefix("-"), first != "--" else { return }
        if first == "-h" || first == "--help" { throw CleanExit.helpRequest(self) }
        throw ValidationError("Unknown option '\(first)'")
    }

    func run() throws {
        let jobs = jobs
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        let results: [Outcome]
        do {
            results = try EventLoop.run {
                let signals = try Signals(.terminate, .interrupt)
                let loop = EventLoop.current!
                let work = loop.spawn {
                    try await Self.runAll(jobs: jobs) { line in Self.command(words, line) }
                }
                let stop = loop.spawn {
                    _ = try await signals.next()
                    work.cancel()
                }
                defer { stop.cancel() }
                return try await work.value
            }
        } catch is CancellationError {
            throw ExitCode.failure
        }
        print(Table.text(results))
        if results.contains(where: { $0.status != .exited(0) }) { throw ExitCode.failure }
    }

    static func command(_ words: [String], _ line: String) -> Command {
        guard let program = words.first else { return Command("/bin/sh", "-c", line) }
        var arguments = words.dropFirst().map { $0.replacingOccurrences(of: "{}", with: line) }
        if !words.contains(where: { $0.contains("{}") }) { arguments.append(line) }
        return Command(program.replacingOccurrences(of: "{}", with: line), arguments)
    }

    private static func runAll(
        jobs: Int, _ make: @escaping @Sendable (String) -> Command
    ) async throws -> [Outcome] {
        let progress = Progress()
        let input = try await PipeReader.standardInput()
        return try await withThrowingTaskGroup(of: Outcome.self) { group in
            var results: [Outcome] = []
            var running = 0
            for try await line in input.lines() where !line.isEmpty {
                if running == jobs, let result = try await group.next() {
                    results.append(result)
                    running -= 1
                }
                running += 1
                progress.show(done: results.count, running: running)
                group.addTask { try await Outcome.of(make(line)) }
            }
            for try await result in group {
                results.append(result)
                running -= 1
                progress.show(done: results.count, running: running)
            }
            progress.clear()
            return results
        }
    }
}

/// What became of one command.
struct Outcome: Sendable {
    var command: String
    var status: ExitStatus?
    var failure: String?
    var time: Duration
    var usage: ResourceUsage?

    /// Runs it; a command that cannot be started is a result like any other.
    static func of(_ command: Command) async throws -> Outcome {
        let start = ContinuousClock.now
        let quiet = command.with { $0.standardInput = .null }
        do {
            let child = try await quiet.with { $0.standardOutput = .inherit }.run(
                returning: { child in
                    try await child.waitUntilExit()
                    return child.resourceUsage
                })
            return Outcome(
                command: command.description, status: child.status, failure: nil,
                time: ContinuousClock.now - start, usage: child.result)
        } catch let error as ReactorError {
            return Outcome(
                command: command.description, status: nil, failure: "\(error)",
                time: ContinuousClock.now - start, usage: nil)
        }
    }
}

/// One line on the terminal, where standard error is one.
final class Progress: Sendable {
    private let isShown = isatty(STDERR_FILENO) == 1

    func show(done: Int, running: Int) {
        if isShown { write("\r\(done) done, \(running) running\u{1B}[K") }
    }

    func clear() { if isShown { write("\r\u{1B}[K") } }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

enum Table {
    static func text(_ results: [Outcome]) -> String {
        let rows = [["status", "time s", "cpu s", "MiB", "command"]] + results.map(row)
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            (0..<4).map { row[$0].padding(toLength: widths[$0], withPad: " ", startingAt: 0) }
                .joined(separator: "  ") + "  " + row[4]
        }.joined(separator: "\n")
    }

    private static func row(_ result: Outcome) -> [String] {
        [
            result.status.map(word) ?? "-", seconds(result.time),
            result.usage.map { seconds($0.processorTime) } ?? "-",
            result.usage.map { String($0.peakMemoryBytes >> 20) } ?? "-",
            result.failure ?? result.command,
        ]
    }

    private static func word(_ status: ExitStatus) -> String {
        switch status {
        case .exited(let code): String(code)
        case .signaled(let signal, _): signal.description
        case .unknown: "?"
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds =
            duration.components.seconds * 1000
            + duration.components.attoseconds / 1_000_000_000_000_000
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
