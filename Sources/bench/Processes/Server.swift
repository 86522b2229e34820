// An echo server under load: this program, as `bench serve`, on a core of its own.

import Foundation

/// Behind `launcher`, which then names the program too, it is slower by far.
final class Server {
    let port: UInt16
    let child: Child

    convenience init(_ implementation: TCPImplementation, launcher: [String] = []) throws {
        try self.init("tcp", implementation.rawValue, launcher: launcher)
    }

    /// Reactor on so many loops.
    convenience init(loops: Int) throws {
        try self.init(
            "tcp", TCPImplementation.reactor.rawValue, more: ["--loops", String(loops)])
    }

    /// One of the servers of `bench serve`, by what it serves and its name.
    init(
        _ service: String, _ implementation: String, launcher: [String] = [], more: [String] = []
    ) throws {
        var arguments = [
            "serve", service, "--implementation", implementation, "--port", "0", "--controlled",
        ]
        arguments += more
        if more.isEmpty, let cores = Machine.cores {
            arguments += ["--core", String(cores.server)]
        }
        child =
            launcher.isEmpty ? try Child(arguments) : try Child.program(launcher + arguments)
        let words = try child.line(within: launcher.isEmpty ? 10 : 60).split(separator: " ")
        guard words.first == "ready", let port = words.last.flatMap({ UInt16($0) }) else {
            throw Failure("\(implementation) is not ready: \(words)")
        }
        self.port = port
    }
}

/// What a server used in one stretch, and for how many requests.
struct Usage {
    var requests: Int
    var seconds: Double
    var before: CPU
    var after: CPU

    /// Measures `body`, which returns its number of requests.
    static func of(_ server: Server, _ body: () throws -> Int) rethrows -> Usage {
        try of(server.child, body)
    }

    static func of(_ child: Child, _ body: () throws -> Int) rethrows -> Usage {
        let before = child.cpu
        let watch = Stopwatch()
        let requests = try body()
        let seconds = watch.seconds
        return Usage(
            requests: requests, seconds: seconds, before: before, after: child.cpu)
    }

    /// Microseconds.
    var cpuPerRequest: Double { (after.total - before.total) / 1000 / Double(requests) }
}

extension Row {
    /// A row of server CPU per request, from its rounds.
    init(workload: String, implementation: String, usages: [Usage], latencies: Latencies) {
        self.init(
            workload: workload, implementation: implementation, unit: "us CPU",
            rounds: usages.map(\.cpuPerRequest))
        perSecond = usages.map { Double($0.requests) / $0.seconds }.median
        p50 = latencies.percentile(50)
        p99 = latencies.percentile(99)
        p999 = latencies.percentile(99.9)
        guard let first = usages.first?.before, let last = usages.last?.after else { return }
        // The kernel splits CPU time by its ticks and tells it in hundredths of a second: only
        // all rounds together have enough of them. A server does nothing between them.
        let user = last.userTicks - first.userTicks
        let system = last.systemTicks - first.systemTicks
        if user + system > 0 {
            self.user = value * user / (user + system)
            self.system = value * system / (user + system)
        }
    }
}
