// `reactor-top`: shows what runs on the event loops of a process that serves an inspector.

import ArgumentParser
import Foundation
import Reactor

@main
struct ReactorTop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reactor-top",
        abstract: "Shows the event loops, tasks, streams, timers and children of a process.",
        discussion: """
            The process has to call `EventLoop.serveInspector(at:)`, and to run as the same user. \
            Keys: t tasks, s streams and other handles, o operations, i timers, c children, \
            space pause, q quit.
            """)

    @Argument(help: "The path of the inspector's socket.")
    var path: String

    @Flag(help: "Show it once, everything, and end.")
    var once = false

    @Flag(help: "As one line of JSON; with --once.")
    var json = false

    @Option(help: "Seconds between two looks.")
    var interval = 1.0

    @Option(help: "The most entries of one kind that are asked for.")
    var limit = 1_000

    func validate() throws {
        guard interval >= 0.05, interval <= 3_600 else {
            throw ValidationError("--interval is from 0.05 to 3600 seconds")
        }
        guard limit >= 0 else { throw ValidationError("--limit is zero or more") }
        if json, !once { throw ValidationError("--json goes with --once") }
    }

    func run() throws {
        let command = self
        do {
            try EventLoop.run(stopOn: [.terminate, .hangup], grace: .zero) {
                try await command.show()
            }
        } catch is CancellationError {
            // Asked to end by a signal: the screen is as it was.
        } catch let error as ReactorError {
            FileHandle.standardError.write(Data("reactor-top: \(error)\n".utf8))
            throw ExitCode.failure
        }
    }

    private func show() async throws {
        try await UnixStream.withConnection(path: path) { stream in
            try await show(Client(stream, limit: limit))
        }
    }

    private func show(_ client: Client) async throws {
        if once {
            let text = json ? try await client.ask() : Report.text(try await client.look())
            print(text)
        } else if Screen.isTerminal {
            try await Display(client, every: .seconds(interval)).run()
        } else {
            for try await _ in Ticks(every: .seconds(interval)) {
                print(Report.text(try await client.look()))
            }
        }
    }
}
