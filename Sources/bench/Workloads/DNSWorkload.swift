// Look-ups of numeric hosts, and of one name by many at once.

import CBaseline

struct DNSWorkload: Workload {
    var mode: DNSMode
    var count: Int
    var rounds: Rounds
    var selected = DNSImplementation.allCases
    var implementations: [String] { selected.map(\.rawValue) }

    static func name(_ mode: DNSMode) -> String { "dns, \(mode.rawValue)" }
    var name: String { Self.name(mode) }

    /// Microseconds of wall time per look-up.
    func measure(progress: Progress) throws -> [Row] {
        var figures = selected.map { _ in [Once.Figures]() }
        try rounds.run { round in
            for index in selected.indices {
                progress.show("\(name): round \(round), \(implementations[index])")
                figures[index].append(
                    try Once.measure([
                        "dns", "--implementation", implementations[index], "--mode",
                        mode.rawValue, "--count", String(count),
                    ]))
            }
        }
        return selected.indices.map { index in
            var row = Row(
                workload: name, implementation: implementations[index], unit: "us wall",
                rounds: figures[index].map { $0.wall / Double(count) * 1e6 })
            row.perSecond = figures[index].map { Double(count) / $0.wall }.median
            return row
        }.compared(to: "libuv")
    }
}
