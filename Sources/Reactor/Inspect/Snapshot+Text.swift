// A snapshot as a person reads it.

extension LoopSnapshot: CustomStringConvertible {
    /// A paragraph for each kind of thing, a line for each thing.
    public var description: String {
        var lines = ["loop \(loop)" + (isThreadHeld ? ": a task has its thread" : "")]
        if let statistics {
            lines.append(
                "  \(statistics.turns) turns, \(statistics.jobs) jobs, "
                    + "\(statistics.readyJobs) ready, lag \(statistics.lag.brief), "
                    + "longest \(statistics.longestLag.brief)")
        }
        lines += Self.paragraph("tasks", tasks) { "\($0)" }
        lines += Self.paragraph("operations", operations) { operation in
            // Where one function waits, its line has been told.
            let callers = operation.backtrace.count > 1 ? operation.backtrace : []
            return callers.reduce("\(operation)") { $0 + "\n      in \($1)" }
        }
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

    static func wait(_ what: String?, at place: String?, _ time: Duration?) -> String {
        guard let what else { return "" }
        return ", waits for \(what)" + (time.map { ", for \($0.brief)" } ?? "")
            + (place.map { ", at \($0)" } ?? "")
    }
}

extension LoopSnapshot.Task: CustomStringConvertible {
    /// One line.
    public var description: String {
        var text = "\(kind) \(name)"
        if let madeAt, madeAt != name { text += ", made at \(madeAt)" }
        return text + ", \(age.brief) old" + LoopSnapshot.wait(waitsFor, at: waitsAt, waiting)
    }
}

extension LoopSnapshot.Operation: CustomStringConvertible {
    /// One line.
    public var description: String {
        (task ?? "a task") + String(LoopSnapshot.wait(what, at: waitsAt, waiting).dropFirst())
    }
}

extension LoopSnapshot.Handle: CustomStringConvertible {
    /// One line.
    public var description: String {
        var text = "\(kind): \(name)"
        if let madeAt { text += ", made at \(madeAt)" }
        if let unreadBytes, unreadBytes > 0 { text += ", \(unreadBytes) bytes unread" }
        if let unsentBytes, unsentBytes > 0 { text += ", \(unsentBytes) bytes unsent" }
        return text + ", \(age.brief) old"
    }
}

extension LoopSnapshot.Timer: CustomStringConvertible {
    /// One line.
    public var description: String {
        "\(kind)\(task.map { " of \($0)" } ?? "") due in \(due.brief)"
    }
}

extension LoopSnapshot.Child: CustomStringConvertible {
    /// One line.
    public var description: String {
        "\(pid) \(name), \(state), \(age.brief) old"
            + (madeAt.map { ", made at \($0)" } ?? "") + (waiters > 0 ? ", awaited" : "")
    }
}
