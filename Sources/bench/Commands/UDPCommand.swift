// The command that measures UDP servers.

import ArgumentParser

struct UDPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "udp", abstract: "Echo of datagrams: server CPU per datagram.")

    @Option(help: "How many datagrams are in flight; 32 and then 256 without.")
    var inFlight: Int?

    @Option(help: "Bytes in a datagram, 8 at least.")
    var size = 64

    @Option(help: "How many sockets they come from.")
    var sockets = 1

    @Option(help: "Seconds of load for each implementation, over all rounds.")
    var seconds = 4.0

    @Option(help: "How many rounds that is.")
    var rounds = 8

    @Option(
        parsing: .upToNextOption, help: "Who serves: \(UDPImplementation.names).",
        transform: UDPImplementation.parse)
    var implementations: [[UDPImplementation]] = [UDPImplementation.allCases]

    func validate() throws {
        guard (1...4096).contains(inFlight ?? 1), (8...65_507).contains(size), rounds > 0,
            (1...64).contains(sockets), sockets <= inFlight ?? 32, seconds > 0, seconds <= 120
        else { throw ValidationError("in-flight, size, sockets, rounds or seconds out of range") }
    }

    func run() throws {
        for count in inFlight.map({ [$0] }) ?? [32, 256] {
            try UDPWorkload(
                inFlight: count, size: size, sockets: sockets,
                rounds: Rounds(rounds, seconds: seconds / Double(rounds)),
                selected: implementations.flatMap { $0 }
            ).run()
        }
    }
}

extension UDPImplementation {
    /// One name, or several with commas between them.
    static func parse(_ text: String) throws -> [UDPImplementation] {
        try text.split(separator: ",").map { name in
            guard let one = UDPImplementation(rawValue: String(name)) else {
                throw ValidationError("no implementation \(name); there are \(names)")
            }
            return one
        }
    }
}
