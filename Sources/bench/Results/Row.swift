// One line of the table: what one implementation made of one workload.

/// What was measured for one implementation.
struct Row: Codable {
    var workload: String
    var implementation: String
    /// What `value` and `rounds` are: "us CPU", "KiB", "allocations".
    var unit: String
    /// The median of the rounds.
    var value: Double
    /// In the order they were run: round n of one implementation belongs to round n of another.
    var rounds: [Double]
    /// The median over the rounds of this value by the baseline's.
    var ratio: Double?
    var perSecond: Double?
    var p50: Double?
    var p99: Double?
    var p999: Double?
    var user: Double?
    var system: Double?
    var note: String?

    init(workload: String, implementation: String, unit: String, rounds: [Double]) {
        self.workload = workload
        self.implementation = implementation
        self.unit = unit
        self.rounds = rounds
        value = rounds.median
    }
}

extension Array where Element == Row {
    func row(_ workload: String, _ implementation: String) -> Row? {
        first { $0.workload == workload && $0.implementation == implementation }
    }

    /// Fills in the ratios to the rows of `baseline`.
    func compared(to baseline: String) -> [Row] {
        map { row in
            var row = row
            if let other = self.row(row.workload, baseline) {
                row.ratio = Self.ratio(row, other)
            }
            return row
        }
    }

    /// The median of the ratios of paired rounds.
    static func ratio(_ one: Row, _ other: Row) -> Double {
        zip(one.rounds, other.rounds).map { $0 / $1 }.median
    }
}

extension Array where Element == Double {
    var median: Double {
        guard !isEmpty else { return .nan }
        let sorted = sorted()
        let middle = count / 2
        return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
