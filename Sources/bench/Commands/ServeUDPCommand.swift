// `bench serve udp`: one of the measured UDP servers, as a process of its own.

import ArgumentParser
import CBaseline

extension ServeCommand {
    struct UDP: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "udp",
            abstract: "Echo datagrams until SIGTERM; prints \"ready PORT\" when it is bound.")

        @Option(help: "Who serves: \(UDPImplementation.names).")
        var implementation: UDPImplementation

        @Option(help: "The port on 127.0.0.1; 0 lets the system choose.")
        var port: UInt16 = 0

        @Option(help: "The one core to run on.")
        var core: Int32?

        @Flag(help: .hidden)
        var controlled = false

        func run() throws {
            if let core, !cbaseline_pin(core) { throw Failure("cannot run on core \(core)") }
            if controlled { cbaseline_answer_questions() }
            try implementation.serve(port: port)
        }
    }
}
