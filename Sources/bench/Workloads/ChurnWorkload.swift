// Connect, one echo, close.

import CBaseline

struct ChurnWorkload: Workload {
    static let name = "churn"
    var name: String { Self.name }
    var rounds: Rounds
    var selected: [TCPImplementation] = [.libuv, .reactor, .reactorChunks, .nio, .nioAsync]
    var implementations: [String] { selected.map(\.rawValue) }

    private static let inFlight: Int32 = 16
    private static let size = 64

    func measure(progress: Progress) throws -> [Row] {
        let servers = try selected.map { try Server($0) }
        var usages = selected.map { _ in [Usage]() }
        var latencies = selected.map { _ in Latencies() }
        try Machine.asClient {
            for server in servers {
                _ = try Load.check(
                    cbaseline_churn(server.port, Self.inFlight, Self.size, 0.1, nil, 0))
            }
            try rounds.run { round in
                for index in selected.indices {
                    progress.show("\(name): round \(round), \(selected[index].rawValue)")
                    usages[index].append(
                        try Usage.of(servers[index]) {
                            try latencies[index].record { samples, capacity in
                                try Load.check(
                                    cbaseline_churn(
                                        servers[index].port, Self.inFlight, Self.size,
                                        rounds.seconds, samples, capacity))
                            }
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
