// Connect, one echo, close.

import CBaseline

struct ChurnWorkload: Workload {
    static let name = "churn"
    var name: String { Self.name }
    var rounds: Int
    var seconds: Double
    var selected: [TCPImplementation] = [.libuv, .reactor, .reactorChunks, .nio, .nioAsync]
    var implementations: [String] { selected.map(\.rawValue) }

    private static let inFlight: Int32 = 16
    private static let size = 64

    func measure(progress: Progress) throws -> [Row] {
        let servers = try selected.map { try Server($0) }
        var usages = selected.map { _ in [Usage]() }
        var latencies = selected.map { _ in Latencies() }
        try Machine.asClient {
            for round in 0...rounds {
                for index in selected.indices {
                    progress.show("\(name): round \(round)/\(rounds), \(selected[index].rawValue)")
                    let usage = try Usage.of(servers[index]) {
                        try latencies[index].record { samples, capacity in
                            try Load.check(
                                cbaseline_churn(
                                    servers[index].port, Self.inFlight, Self.size,
                                    round == 0 ? 0.1 : seconds, samples, capacity))
                        }
                    }
                    // Round 0 warms up.
                    if round > 0 { usages[index].append(usage) }
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
