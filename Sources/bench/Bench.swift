// The benchmark tool: `bench` alone measures everything; its subcommands, one thing each.

import ArgumentParser
import CBaseline
import Foundation

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures Reactor against raw libuv, SwiftNIO and Swift's own tasks.",
        discussion: """
            Without a subcommand: every workload against its baselines, at most three minutes. \
            docs/benchmarks.md says how each figure is taken.
            """,
        subcommands: [
            TCPCommand.self, UnixCommand.self, UDPCommand.self, ChurnCommand.self,
            IdleCommand.self, TimersCommand.self, SubmitCommand.self, DNSCommand.self,
            BulkCommand.self, ProxyCommand.self, SpawnCommand.self, ExitsCommand.self,
            PipeCommand.self, LatenessCommand.self, AllocationsCommand.self,
            InstructionsCommand.self, SoakCommand.self, ListCommand.self, ServeCommand.self,
            OnceCommand.self,
        ])

    @Flag(help: "Shorter rounds and smaller counts: at most 45 seconds.")
    var quick = false

    @Flag(help: "Exit with status 1 where a speed gate is missed, and name it.")
    var gate = false

    @Option(help: "Where the results go as JSON.")
    var output = "bench-results"

    func run() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let plan = Plan(isQuick: quick)
        var results = Results(isQuick: quick)
        for workload in plan.workloads {
            results.rows += try workload.measure(progress: Progress.shared)
        }
        Progress.shared.clear()
        results.gates = Gate.evaluate(results.rows)
        results.seconds = (clock.now - start).seconds
        print(Machine.description)
        print(Table.text(results.rows))
        print(Gate.text(results.gates))
        let file = try results.write(to: output)
        print("\(file), \(Int(results.seconds)) s")
        if gate, results.gates.contains(where: { $0.outcome == .missed }) {
            throw ExitCode.failure
        }
    }
}
