// Echo over Unix sockets on connections that stay open.

import Foundation

struct UnixWorkload: Workload {
    var connections: Int
    var size: Int
    var rounds: Rounds
    var selected = UnixImplementation.allCases

    static func name(connections: Int, size: Int) -> String { "unix \(connections) x \(size) B" }
    var name: String { Self.name(connections: connections, size: size) }
    var implementations: [String] { selected.map(\.rawValue) }

    /// As with TCP: rounds go from one implementation to the next.
    func measure(progress: Progress) throws -> [Row] {
        let paths = selected.map {
            "/tmp/reactor-bench-\(ProcessInfo.processInfo.processIdentifier)-\($0.rawValue)"
        }
        // Servers end by SIGTERM at once, and leave theirs behind.
        defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
        let servers = try selected.indices.map { try start(selected[$0], at: paths[$0]) }
        var usages = selected.map { _ in [Usage]() }
        var latencies = selected.map { _ in Latencies() }
        try Machine.asClient {
            try rounds.run { round in
                for index in selected.indices {
                    progress.show("\(name): round \(round), \(selected[index].rawValue)")
                    let load = try Load(path: paths[index], connections: connections, size: size)
                    try load.warmUp(seconds: rounds.seconds / 5)
                    usages[index].append(
                        try Usage.of(servers[index]) {
                            try load.run(seconds: rounds.seconds, latencies: &latencies[index])
                        })
                }
            }
        }
        return selected.indices.map { index in
            Row(
                workload: name, implementation: selected[index].rawValue, usages: usages[index],
                latencies: latencies[index])
        }.compared(to: UnixImplementation.libuv.rawValue)
    }

    private func start(_ implementation: UnixImplementation, at path: String) throws -> Child {
        var arguments = [
            "serve", "unix", "--implementation", implementation.rawValue, "--path", path,
            "--controlled",
        ]
        if let cores = Machine.cores { arguments += ["--core", String(cores.server)] }
        let child = try Child(arguments)
        let line = try child.line(within: 10)
        guard line.hasPrefix("ready") else {
            throw Failure("\(implementation.rawValue) is not ready: \(line)")
        }
        return child
    }
}
