// Very many sleeps at once, in as many tasks.

import ArgumentParser

enum TimersMode: String, CaseIterable, Codable, ExpressibleByArgument {
    /// Start them, then cancel them all.
    case cancel
    /// Let them all fire, spread over 200 ms.
    case fire
}

struct TimersWorkload: Workload {
    var mode: TimersMode
    var count: Int
    var rounds: Int
    var selected: [TimersImplementation]

    init(mode: TimersMode, count: Int, rounds: Int, implementations: [TimersImplementation]) {
        self.mode = mode
        self.count = count
        self.rounds = rounds
        selected = implementations.filter { mode == .cancel || $0 != .tasksAlone }
    }

    static func name(_ mode: TimersMode) -> String { "timers, \(mode.rawValue)" }
    var name: String { Self.name(mode) }
    var implementations: [String] { selected.map(\.rawValue) }

    /// Start-and-cancel in microseconds of CPU each; firing in seconds for a million, in all.
    func measure(progress: Progress) throws -> [Row] {
        var figures = selected.map { _ in [Once.Figures]() }
        // Memory that a virtual machine has never touched costs its host a fault for each page:
        // the first in turn would pay up to 3 us a task for all of them.
        if mode == .cancel, selected.count > 1 {
            progress.show("\(name): \(count), warming up")
            _ = try Once.measure(arguments(.reactor))
        }
        for round in 1...rounds {
            for index in selected.indices {
                progress.show(
                    "\(name): \(count), round \(round)/\(rounds), \(implementations[index])")
                figures[index].append(try Once.measure(arguments(selected[index])))
            }
        }
        return selected.indices.map { index in
            var row: Row
            switch mode {
            case .cancel:
                row = Row(
                    workload: name, implementation: implementations[index], unit: "us CPU",
                    rounds: figures[index].map { $0.cpu / Double(count) * 1e6 })
            case .fire:
                row = Row(
                    workload: name, implementation: implementations[index], unit: "s for 1e6",
                    rounds: figures[index].map { $0.wall / Double(count) * 1e6 })
            }
            row.perSecond = figures[index].map { Double(count) / $0.wall }.median
            return row
        }.compared(to: TimersImplementation.taskSleep.rawValue)
    }

    private func arguments(_ implementation: TimersImplementation) -> [String] {
        [
            "timers", "--implementation", implementation.rawValue, "--mode", mode.rawValue,
            "--count", String(count),
        ]
    }
}
