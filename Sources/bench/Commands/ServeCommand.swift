// `bench serve` and `bench once`: what the other commands start as processes of their own.

import ArgumentParser
import CBaseline
import Reactor

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run one of the measured servers.",
        subcommands: [TCP.self, Unix.self, UDP.self, Stopping.self])

    struct TCP: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tcp",
            abstract: "Echo on one loop until SIGTERM; prints \"ready PORT\" when it listens.")

        @Option(help: "Who serves: \(TCPImplementation.names).")
        var implementation: TCPImplementation

        @Option(help: "The port on 127.0.0.1; 0 lets the system choose.")
        var port: UInt16 = 0

        @Option(help: "The one core to run on.")
        var core: Int32?

        @Option(help: "On how many loops, each on a core of its own: for reactor alone.")
        var loops: Int?

        @Flag(help: .hidden)
        var controlled = false

        func validate() throws {
            guard loops == nil || implementation == .reactor, (1...64).contains(loops ?? 1) else {
                throw ValidationError("--loops is for reactor, at most 64")
            }
        }

        func run() throws {
            _ = Machine.descriptorLimit
            if let core, !cbaseline_pin(core) { throw Failure("cannot run on core \(core)") }
            if controlled { cbaseline_answer_questions() }
            if let loops {
                cbaseline_end_on_sigterm()
                return try ReactorServer.serveReads(port: port, loops: loops)
            }
            try implementation.serve(port: port)
        }
    }
}

extension ServeCommand {
    struct Unix: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "unix",
            abstract: "Echo over Unix sockets until SIGTERM; prints \"ready\" when it listens.")

        @Option(help: "Who serves: \(UnixImplementation.names).")
        var implementation: UnixImplementation

        @Option(help: "The path of the socket.")
        var path: String

        @Option(help: "The one core to run on.")
        var core: Int32?

        @Flag(help: .hidden)
        var controlled = false

        func run() throws {
            _ = Machine.descriptorLimit
            if let core, !cbaseline_pin(core) { throw Failure("cannot run on core \(core)") }
            if controlled { cbaseline_answer_questions() }
            try implementation.serve(path: path)
        }
    }
}

extension ServeCommand {
    /// For `bench soak stop`.
    struct Stopping: ParsableCommand {
        static let configuration = CommandConfiguration(shouldDisplay: false)

        @Option var grace: Int

        func run() throws {
            do { try StopSoak.serve(grace: grace) } catch let error as ReactorError
                where error.code == .loopClosed
            {
                // The body waits for a deaf handler, and the loop has ended without it.
            }
        }
    }
}

extension UnixImplementation {
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

struct OnceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "once", abstract: "One measurement, for this tool itself.",
        shouldDisplay: false,
        subcommands: [
            Timers.self, Submit.self, DNS.self, Bulk.self, Spawn.self, Exits.self, Pipe.self,
            Lateness.self,
        ])

    struct Timers: ParsableCommand {
        @Option var implementation: TimersImplementation
        @Option var mode: TimersMode
        @Option var count: Int

        func run() throws {
            Once.report(try implementation.run(mode, count: count))
        }
    }

    struct DNS: ParsableCommand {
        @Option var implementation: DNSImplementation
        @Option var mode: DNSMode
        @Option var count: Int

        func run() throws {
            Once.report(try implementation.run(mode, count: count))
        }
    }

    struct Bulk: ParsableCommand {
        @Option var implementation: BulkImplementation
        @Option var bytes: Int

        func run() throws { Once.report(try implementation.run(bytes: bytes)) }
    }

    struct Submit: ParsableCommand {
        @Option var implementation: SubmitImplementation
        @Option var inFlight: Int
        @Option var count: Int

        func run() throws {
            Once.report(try implementation.run(count: count, inFlight: inFlight))
        }
    }
}

extension TCPImplementation {
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
