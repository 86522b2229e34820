// The commands that measure TCP servers.

import ArgumentParser

struct TCPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tcp", abstract: "Echo on open connections: server CPU per request.")

    @Option(help: "How many connections.")
    var connections = 50

    @Option(help: "Bytes in a request.")
    var size = 1024

    @Option(help: "Seconds of load for each implementation, over all rounds.")
    var seconds = 4.0

    @Option(help: "How many rounds that is.")
    var rounds = 8

    @Option(
        parsing: .upToNextOption, help: "Who serves: \(TCPImplementation.names).",
        transform: TCPImplementation.parse)
    var implementations: [[TCPImplementation]] = [TCPImplementation.compared]

    @Option(help: "Compares so many loops of Reactor with one; needs two cores for each.")
    var loops = 1

    @Flag(help: .hidden)
    var anywhere = false

    func validate() throws {
        guard (1...18_000).contains(connections), (1...1 << 24).contains(size), rounds > 0,
            seconds > 0, seconds <= 120, (1...64).contains(loops)
        else { throw ValidationError("connections, size, rounds, seconds or loops out of range") }
    }

    func run() throws {
        if loops > 1 { return try runLoops() }
        try TCPWorkload(
            connections: connections, size: size,
            rounds: Rounds(rounds, seconds: seconds / Double(rounds)),
            implementations: implementations.flatMap { $0 }
        ).run()
    }

    private func runLoops() throws {
        if !anywhere, let obstacle = LoopsWorkload.obstacle(loops: loops) {
            return print("skipped: \(obstacle)")
        }
        try LoopsWorkload(
            loops: loops, connections: connections, size: size,
            rounds: Rounds(rounds, seconds: seconds / Double(rounds)), anywhere: anywhere
        ).run()
    }
}

struct ChurnCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "churn", abstract: "Connect, one echo, close: server CPU per connection.")

    @Option(help: "Seconds of load for each implementation, over all rounds.")
    var seconds = 2.4

    @Option(help: "How many rounds that is.")
    var rounds = 6

    func run() throws {
        try ChurnWorkload(rounds: Rounds(rounds, seconds: seconds / Double(rounds))).run()
    }
}

struct IdleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle", abstract: "Memory of a server per idle connection.")

    @Option(help: "How many connections.")
    var connections = 5000

    func run() throws { try IdleWorkload(connections: connections).run() }
}

struct AllocationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocations", abstract: "Heap allocations per echo in steady state.")

    @Option(help: "Echoes on each of 50 connections.")
    var requests = 400

    func run() throws { try AllocationsWorkload(requestsEach: requests).run() }
}

struct InstructionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instructions",
        abstract: "User-space instructions per echo, under valgrind's callgrind.")

    @Option(help: "How many connections.")
    var connections = 50

    @Option(help: "Bytes in a request.")
    var size = 1024

    @Option(help: "Requests on each connection, and twice as many.")
    var requests = 300

    @Option(
        parsing: .upToNextOption, help: "Who serves: \(TCPImplementation.names).",
        transform: TCPImplementation.parse)
    var implementations: [[TCPImplementation]] = [[.libuv, .reactor, .reactorChunks]]

    @Option(help: "A directory to keep callgrind's files in, for callgrind_annotate.")
    var keep: String?

    func run() throws {
        try InstructionsWorkload(
            connections: connections, size: size, requestsEach: requests,
            selected: implementations.flatMap { $0 }, keep: keep
        ).run()
    }
}

extension TCPImplementation {
    /// One name, or several with commas between them.
    static func parse(_ text: String) throws -> [TCPImplementation] {
        try text.split(separator: ",").map { name in
            guard let one = TCPImplementation(rawValue: String(name)) else {
                throw ValidationError("no implementation \(name); there are \(names)")
            }
            return one
        }
    }
}

extension Workload {
    /// Measures this alone and prints it: as a table, or as a line that ends with the figure.
    func run() throws {
        let rows = try measure(progress: .shared)
        Progress.shared.clear()
        if Set(rows.map(\.implementation)).count == 1 {
            for row in rows { print(Table.line(row)) }
        } else {
            print(Table.text(rows))
        }
    }
}
