// What is shown, as lines of text.

import Foundation
import Reactor

enum Section: String, CaseIterable {
    case tasks, handles, operations, timers, children

    init?(key: UInt8) {
        switch Character(UnicodeScalar(key)) {
        case "t": self = .tasks
        case "s": self = .handles
        case "o": self = .operations
        case "i": self = .timers
        case "c": self = .children
        default: return nil
        }
    }
}

enum Report {
    /// Everything, for `--once`.
    static func text(_ look: Look) -> String {
        var lines = head(look, since: nil) + loops(look, since: nil)
        for section in Section.allCases {
            let rows = rows(section, look.process)
            lines += ["", title(section, rows.count)] + rows
        }
        return lines.joined(separator: "\n")
    }

    static func head(_ look: Look, since before: Look?) -> [String] {
        let process = look.process
        let name = process.program.split(separator: "/").last.map(String.init) ?? ""
        var line = "\(name), pid \(process.pid), "
        if let before {
            let seconds = before.time.duration(to: look.time) / .seconds(1)
            let share = (process.cpuSeconds - before.process.cpuSeconds) / seconds * 100
            line += "\(number(max(0, share), 1)) % CPU, "
        } else {
            line += "\(number(process.cpuSeconds, 2)) s of CPU, "
        }
        line += "\(number(Double(process.residentBytes) / 1_048_576, 1)) MiB"
        let pool = process.blocking
        line +=
            "; blocking: \(pool["running"] ?? 0) running, \(pool["queued"] ?? 0) queued, "
            + "\(pool["abandoned"] ?? 0) abandoned"
        return [line, ""]
    }

    static func loops(_ look: Look, since before: Look?) -> [String] {
        let per = before == nil ? ["turns", "jobs"] : ["turns/s", "jobs/s"]
        var lines = [
            left("LOOP", 14)
                + (per + [
                    "lag", "longest", "ready", "tasks", "streams", "timers", "children",
                    "backoffs", "slow",
                ]).map { right($0.uppercased(), 9) }.joined()
        ]
        for loop in look.process.loops { lines.append(row(loop, look, before)) }
        return lines
    }

    private static func row(_ loop: LoopSnapshot, _ look: Look, _ before: Look?) -> String {
        guard let now = loop.statistics else {
            return left(loop.loop, 14) + "  held by a task that does not yield"
        }
        var (turns, jobs) = (Double(now.turns), Double(now.jobs))
        if let before {
            let old = before.process.loops.first { $0.id == loop.id }?.statistics
            let seconds = before.time.duration(to: look.time) / .seconds(1)
            turns = (turns - Double(old?.turns ?? 0)) / seconds
            jobs = (jobs - Double(old?.jobs ?? 0)) / seconds
        }
        let cells = [
            number(turns, 0), number(jobs, 0), now.lag.brief,
            now.longestLag.brief, "\(now.readyJobs)", "\(now.tasks)",
            "\(now.open["stream"] ?? 0)", "\(now.timers)", "\(now.open["child"] ?? 0)",
            "\(now.acceptBackOffs)", "\(now.slowJobs)",
        ]
        return left(loop.loop, 14) + cells.map { right($0, 9) }.joined()
    }

    static func title(_ section: Section, _ count: Int) -> String {
        "\(section.rawValue.uppercased()) \(count)"
    }

    /// One line for each thing, its loop first.
    static func rows(_ section: Section, _ process: ProcessSnapshot) -> [String] {
        process.loops.flatMap { loop in
            lines(section, loop).map { left(loop.loop, 14) + $0 }
        }
    }

    private static func lines(_ section: Section, _ loop: LoopSnapshot) -> [String] {
        switch section {
        case .tasks: loop.tasks.map { "\($0)" }
        case .handles: loop.handles.map { "\($0)" }
        case .operations: loop.operations.map { "\($0)" }
        case .timers: loop.timers.map { "\($0)" }
        case .children: loop.children.map { "\($0)" }
        }
    }

    // MARK: Columns

    private static func left(_ text: String, _ width: Int) -> String {
        text.count >= width
            ? text.prefix(width - 1) + " "
            : text + String(repeating: " ", count: width - text.count)
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }

    private static func number(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}
