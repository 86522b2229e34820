// The commands that measure loops alone, and the list of workloads.

import ArgumentParser

struct TimersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timers",
        abstract: "A million sleeps in as many tasks: start and cancel, or fire within 200 ms.",
        discussion: "Task.sleep needs minutes for a million that fire; only --mode fire runs it.")

    @Option(help: "How many sleeps.")
    var count = 1_000_000

    @Option(help: "cancel or fire; both without.")
    var mode: TimersMode?

    @Option(help: "libuv, reactor, task-sleep or tasks-alone; all without.")
    var implementation: TimersImplementation?

    @Option(help: "How many rounds.")
    var rounds = 1

    func run() throws {
        for mode in mode.map({ [$0] }) ?? TimersMode.allCases {
            let isAsked = implementation != nil || self.mode != nil
            let selected =
                implementation.map { [$0] }
                ?? TimersImplementation.allCases.filter {
                    mode == .cancel || isAsked || $0 != .taskSleep
                }
            try TimersWorkload(mode: mode, count: count, rounds: rounds, implementations: selected)
                .run()
        }
    }
}

struct SubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Calls from one loop to another: time per call.")

    @Option(help: "How many rounds.")
    var rounds = 5

    func run() throws {
        try SubmitWorkload(inFlight: 1, count: 4000, rounds: Rounds(rounds)).run()
        try SubmitWorkload(inFlight: 100, count: 60_000, rounds: Rounds(rounds)).run()
    }
}

struct DNSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns",
        abstract: "Look-ups: numeric hosts one after the other, one name by many at once.")

    @Option(help: "How many rounds.")
    var rounds = 5

    func run() throws {
        try DNSWorkload(mode: .numeric, count: 10_000, rounds: Rounds(rounds)).run()
        try DNSWorkload(mode: .shared, count: 1000, rounds: Rounds(rounds)).run()
    }
}

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Name the workloads and their implementations.")

    func run() throws {
        for workload in Plan(isQuick: false).workloads {
            print("\(workload.name): \(workload.implementations.joined(separator: ", "))")
        }
    }
}

struct BulkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulk", abstract: "One stream of many bytes: wall time per GiB.")

    @Option(help: "How many rounds.")
    var rounds = 5

    func run() throws { try BulkWorkload(.bulk, bytes: 1 << 30, rounds: Rounds(rounds)).run() }
}

struct ProxyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy", abstract: "One stream through a proxy: CPU per GiB.")

    @Option(help: "How many rounds.")
    var rounds = 5

    func run() throws { try BulkWorkload(.proxy, bytes: 1 << 30, rounds: Rounds(rounds)).run() }
}
