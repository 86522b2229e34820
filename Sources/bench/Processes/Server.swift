// An echo server under load: this program, as `bench serve tcp`, on a core of its own.

import Foundation

final class Server {
    let port: UInt16
    let child: Child

    init(_ implementation: TCPImplementation, launcher: [String] = []) throws {
        var arguments = [
            "serve", "tcp", "--implementation", implementation.rawValue, "--port", "0",
            "--controlled",
        ]
        if let cores = Machine.cores { arguments += ["--core", String(cores.server)] }
        child = try Child(arguments, launcher: launcher)
        let words = try child.line(within: launcher.isEmpty ? 10 : 60).split(separator: " ")
        guard words.first == "ready", let port = words.last.flatMap({ UInt16($0) }) else {
            throw Failure("\(implementation.rawValue) is not ready: \(words)")
        }
        self.port = port
    }
}

/// What a server used in one stretch, and for how many requests.
struct Usage {
    var requests = 0
    var seconds = 0.0
    var cpu = 0.0
    var userTicks = 0.0
    var systemTicks = 0.0

    /// Measures `body`, which returns its number of requests.
    static func of(_ server: Server, _ body: () throws -> Int) rethrows -> Usage {
        let before = server.child.cpu
        let clock = ContinuousClock()
        let start = clock.now
        let requests = try body()
        let seconds = (clock.now - start).seconds
        let after = server.child.cpu
        return Usage(
            requests: requests, seconds: seconds, cpu: after.total - before.total,
            userTicks: after.userTicks - before.userTicks,
            systemTicks: after.systemTicks - before.systemTicks)
    }

    /// Microseconds.
    var cpuPerRequest: Double { cpu / 1000 / Double(requests) }
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
        // The kernel splits CPU time by its ticks: only the sum of the rounds has enough of them.
        let user = usages.map(\.userTicks).reduce(0, +)
        let system = usages.map(\.systemTicks).reduce(0, +)
        if user + system > 0 {
            self.user = value * user / (user + system)
            self.system = value * system / (user + system)
        }
    }
}
