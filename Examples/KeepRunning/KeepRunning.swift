// A small supervisor: starts commands, and again those that fail; SIGTERM and control-C end them in
// reverse order.
//
//     swift run KeepRunning 'redis-server --port 7001' 'python3 worker.py'

import ArgumentParser
import Foundation
import Reactor

@main
struct KeepRunning: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keep-running",
        abstract: "Starts commands, and starts those that fail again.",
        discussion: """
            Each command is one argument, for the shell. One that exits with 0 is done; one that \
            fails is started again after a pause that doubles each time, and begins anew after a \
            run of ten seconds. SIGTERM and SIGINT end them, the last one first.
            """)

    @Option(help: "The first pause, in milliseconds.")
    var pause = 100

    @Option(help: "The longest pause, in milliseconds.")
    var longestPause = 10_000

    @Option(help: "How long a command may take to end, in milliseconds, before it is killed.")
    var grace = 5000

    @Argument(help: "The commands.")
    var commands: [String]

    func validate() throws {
        if pause < 1 || longestPause < pause || grace < 0 {
            throw ValidationError("pauses are at least 1, the longest is not the shorter one")
        }
    }

    func run() throws {
        let keepers = commands.map {
            Keeper(
                script: $0, pause: .milliseconds(pause), longest: .milliseconds(longestPause),
                grace: .milliseconds(grace))
        }
        try EventLoop.run { try await Self.keep(keepers) }
    }

    private static func keep(_ keepers: [Keeper]) async throws {
        let signals = try Signals(.terminate, .interrupt)
        let loop = EventLoop.current!
        let tasks = keepers.map { keeper in loop.spawn { try await keeper.keep() } }
        let all = loop.spawn { for task in tasks { _ = await task.result } }
        let stop = loop.spawn {
            for try await signal in signals {
                report("\(signal): ending")
                for task in tasks.reversed() {
                    task.cancel()
                    _ = await task.result
                }
                return
            }
        }
        _ = await all.result
        stop.cancel()
        _ = await stop.result
    }
}

/// Keeps one command running.
struct Keeper: Sendable {
    var script: String
    var pause: Duration
    var longest: Duration
    var grace: Duration

    func keep() async throws {
        var next = pause
        while true {
            let start = ContinuousClock.now
            // Its own group: control-C is for us to pass on, in order.
            let command = Command("/bin/sh", "-c", script).with {
                $0.processGroup = .new
                $0.standardInput = .null
                $0.standardOutput = .inherit
            }
            do {
                let status = try await command.run(grace: grace) { child in
                    report("\(script): started as \(child.pid)")
                    try await child.waitUntilExit()
                }
                report("\(script): \(status)")
                if status.isSuccess { return }
            } catch let error as CancellationError {
                report("\(script): ended")
                throw error
            } catch {
                report("\(script): \(error)")
            }
            if ContinuousClock.now - start > .seconds(10) { next = pause }
            try await EventLoop.sleep(for: next)
            next = min(next * 2, longest)
        }
    }
}

/// Prints at once, to a pipe as well.
func report(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
