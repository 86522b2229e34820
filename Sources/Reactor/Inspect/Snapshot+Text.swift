// A snapshot as a person reads it.

extension LoopSnapshot: CustomStringConvertible {
    /// A paragraph for each kind of thing, a line for each thing.
    public var description: String {
        var lines = ["loop \(loop)" + (isThreadHeld ? ": a task has its thread" : "")]
        if let statistics {
            lines.append(
                "  \(statistics.turns) turns, \(statistics.jobs) jobs, "
                    + "\(statistics.readyJobs) ready, lag \(Self.text(statistics.lag)), "
                    + "longest \(Self.text(statistics.longestLag))")
        }
        lines += Self.paragraph("tasks", tasks) { "\($0)" }
        lines += Self.paragraph("operations", operations) { "\($0)" }
        lines += Self.paragraph("handles", handles) { "\($0)" }
        lines += Self.paragraph("timers", timers) { "\($0)" }
        lines += Self.paragraph("children", children) { "\($0)" }
        if omitted > 0 { lines.append("  and \(omitted) more") }
        return lines.joined(separator: "\n")
    }

    private static func paragraph<Entry>(
        _ title: String, _ entries: [Entry], _ line: (Entry) -> String
    ) -> [String] {
        entries.isEmpty ? [] : ["  \(title): \(entries.count)"] + entries.map { "    " + line($0) }
    }

    /// `1.5 ms`, `12.3 s`, `2 h 5 min`: three digits or so.
    package static func text(_ duration: Duration) -> String {
        let seconds = duration / .seconds(1)
        switch abs(seconds) {
        case ..<0.000_000_5: return "0 s"
        case ..<0.001: return "\(rounded(seconds * 1_000_000)) µs"
        case ..<1: return "\(rounded(seconds * 1_000)) ms"
        case ..<60: return "\(rounded(seconds)) s"
        default:
            let whole = Int(clamping: Int64(min(abs(seconds), 1e15)))
            if whole < 3_600 { return "\(whole / 60) min \(whole % 60) s" }
            if whole < 86_400 { return "\(whole / 3_600) h \(whole / 60 % 60) min" }
            return "\(whole / 86_400) d \(whole / 3_600 % 24) h"
        }
    }

    private static func rounded(_ value: Double) -> String {
        if abs(value) >= 99.95 { return "\(Int(value.rounded()))" }
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0
            ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }

    static func wait(_ what: String?, _ time: Duration?) -> String {
        guard let what else { return "" }
        return ", waits for \(what)" + (time.map { ", for \(text($0))" } ?? "")
    }
}

extension LoopSnapshot.Task: CustomStringConvertible {
    /// One line.
    public var description: String {
        var text = "\(kind) \(name)"
        if let madeAt, madeAt != name { text += ", made at \(madeAt)" }
        return text + ", \(LoopSnapshot.text(age)) old" + LoopSnapshot.wait(waitsFor, waiting)
    }
}

extension LoopSnapshot.Operation: CustomStringConvertible {
    /// One line.
    public var description: String {
        (task ?? "a task") + String(LoopSnapshot.wait(what, waiting).dropFirst())
    }
}

extension LoopSnapshot.Handle: CustomStringConvertible {
    /// One line.
    public var description: String {
        var text = "\(kind): \(name)"
        if let madeAt { text += ", made at \(madeAt)" }
        if let unreadBytes, unreadBytes > 0 { text += ", \(unreadBytes) bytes unread" }
        if let unsentBytes, unsentBytes > 0 { text += ", \(unsentBytes) bytes unsent" }
        return text + ", \(LoopSnapshot.text(age)) old"
    }
}

extension LoopSnapshot.Timer: CustomStringConvertible {
    /// One line.
    public var description: String {
        "\(kind)\(task.map { " of \($0)" } ?? "") due in \(LoopSnapshot.text(due))"
    }
}

extension LoopSnapshot.Child: CustomStringConvertible {
    /// One line.
    public var description: String {
        "\(pid) \(name), \(state), \(LoopSnapshot.text(age)) old"
            + (madeAt.map { ", made at \($0)" } ?? "") + (waiters > 0 ? ", awaited" : "")
    }
}
