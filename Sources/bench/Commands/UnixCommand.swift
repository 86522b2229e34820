// The command that measures servers over Unix sockets.

import ArgumentParser

struct UnixCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unix", abstract: "Echo over Unix sockets: server CPU per request.")

    @Option(help: "How many connections.")
    var connections = 50

    @Option(help: "Bytes in a request.")
    var size = 1024

    @Option(help: "Seconds of load for each implementation, over all rounds.")
    var seconds = 4.0

    @Option(help: "How many rounds that is.")
    var rounds = 8

    func validate() throws {
        guard (1...18_000).contains(connections), (1...1 << 24).contains(size), rounds > 0,
            seconds > 0, seconds <= 120
        else { throw ValidationError("connections, size, rounds or seconds out of range") }
    }

    func run() throws {
        try UnixWorkload(
            connections: connections, size: size,
            rounds: Rounds(rounds, seconds: seconds / Double(rounds))
        ).run()
    }
}
