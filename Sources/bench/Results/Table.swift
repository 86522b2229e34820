// The results as text, for people.

enum Table {
    static func text(_ rows: [Row]) -> String {
        var lines = [header]
        var last: String?
        for row in rows {
            lines.append(line(row, isFirst: row.workload != last))
            last = row.workload
        }
        return lines.map { cells in
            zip(cells, widths(lines)).enumerated().map { index, cell in
                index < 2 ? cell.0.padded(to: cell.1) : cell.0.paddedLeft(to: cell.1)
            }.joined(separator: "  ").trimmedRight
        }.joined(separator: "\n")
    }

    /// One row as one line, with its figure last.
    static func line(_ row: Row) -> String {
        var parts = ["\(row.workload) \(row.implementation):"]
        if let perSecond = row.perSecond { parts.append("\(fixed(perSecond, 0))/s,") }
        for (name, value) in [("p50", row.p50), ("p99", row.p99), ("p99.9", row.p999)] {
            if let value { parts.append("\(name) \(number(value)) us,") }
        }
        if let user = row.user, let system = row.system {
            parts.append("user \(number(user)) + system \(number(system)) =")
        }
        let unit = row.unit.split(separator: " ")[0]
        return (parts + ["\(number(row.value)) \(unit)"]).joined(separator: " ")
    }

    private static let header = [
        "workload", "implementation", "figure", "", "ratio", "per second", "p50 us", "p99 us",
        "p99.9 us", "user us", "system us",
    ]

    private static func line(_ row: Row, isFirst: Bool) -> [String] {
        [
            isFirst ? row.workload : "", row.implementation, number(row.value), row.unit,
            row.ratio.map { fixed($0, 2) } ?? "", row.perSecond.map { fixed($0, 0) } ?? "",
            number(row.p50), number(row.p99), number(row.p999), number(row.user),
            number(row.system),
        ]
    }

    private static func widths(_ lines: [[String]]) -> [Int] {
        header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    }

    static func number(_ value: Double?) -> String {
        guard let value else { return "" }
        return fixed(value, value >= 1000 ? 0 : value >= 100 ? 1 : 2)
    }

    /// Like "%.2f", which needs more of Foundation than everything else here.
    static func fixed(_ value: Double, _ places: Int) -> String {
        guard value.isFinite else { return "-" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((value.magnitude * scale).rounded())
        let whole = String(scaled / Int(scale))
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard places > 0 else { return sign + whole }
        let rest = String(scaled % Int(scale))
        return sign + whole + "." + String(repeating: "0", count: places - rest.count) + rest
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
    func paddedLeft(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
    var trimmedRight: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
