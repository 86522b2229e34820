// TCP echo on connections that stay open.

struct TCPWorkload: Workload {
    var connections: Int
    var size: Int
    var rounds: Rounds
    var selected: [TCPImplementation]

    init(
        connections: Int, size: Int, rounds: Rounds,
        implementations: [TCPImplementation]
    ) {
        self.connections = connections
        self.size = size
        self.rounds = rounds
        selected = implementations
    }

    static func name(connections: Int, size: Int) -> String { "tcp \(connections) x \(size) B" }
    var name: String { Self.name(connections: connections, size: size) }
    var implementations: [String] { selected.map(\.rawValue) }

    /// Rounds go from one implementation to the next, so that what changes with time changes for
    /// all; every round has connections of its own.
    func measure(progress: Progress) throws -> [Row] {
        let servers = try selected.map { try Server($0) }
        var usages = selected.map { _ in [Usage]() }
        var latencies = selected.map { _ in Latencies() }
        try Machine.asClient {
            try rounds.run { round in
                for index in selected.indices {
                    progress.show("\(name): round \(round), \(selected[index].rawValue)")
                    let load = try Load(
                        port: servers[index].port, connections: connections, size: size)
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
        }.compared(to: TCPImplementation.libuv.rawValue)
    }
}
