// Calls from one loop to another.

import CBaseline

struct SubmitWorkload: Workload {
    var inFlight: Int
    var count: Int
    var rounds: Rounds
    var selected = SubmitImplementation.allCases
    var implementations: [String] { selected.map(\.rawValue) }

    static func name(inFlight: Int) -> String { "submit, \(inFlight) in flight" }
    var name: String { Self.name(inFlight: inFlight) }

    /// Microseconds of wall time per call, the two loops on different cores where there are two.
    func measure(progress: Progress) throws -> [Row] {
        var figures = selected.map { _ in [Once.Figures]() }
        try rounds.run { round in
            for index in selected.indices {
                progress.show("\(name): round \(round), \(implementations[index])")
                figures[index].append(
                    try Once.measure([
                        "submit", "--implementation", implementations[index], "--in-flight",
                        String(inFlight), "--count", String(count),
                    ]))
            }
        }
        return selected.indices.map { index in
            var row = Row(
                workload: name, implementation: implementations[index], unit: "us wall",
                rounds: figures[index].map { $0.wall / Double(count) * 1e6 })
            row.perSecond = figures[index].map { Double(count) / $0.wall }.median
            return row
        }.compared(to: inFlight == 1 ? "libuv" : "nio")
    }
}
