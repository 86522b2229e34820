// Children: started and waited for, ended among many, read from, and in a timer's way.

import CBaseline

struct SpawnWorkload: Workload {
    var atOnce: Int
    var count: Int
    var rounds: Rounds
    var selected = SpawnImplementation.allCases
    var implementations: [String] { selected.map(\.rawValue) }

    static func name(atOnce: Int) -> String { "spawn, \(atOnce) at once" }
    var name: String { Self.name(atOnce: atOnce) }

    /// Microseconds of wall time per child.
    func measure(progress: Progress) throws -> [Row] {
        try Once.rounds(name, rounds, selected, progress) { implementation in
            [
                "spawn", "--implementation", implementation.rawValue, "--count", String(count),
                "--concurrency", String(atOnce),
            ]
        }.map { implementation, figures in
            var row = Row(
                workload: name, implementation: implementation.rawValue, unit: "us wall",
                rounds: figures.map { $0.wall / Double(count) * 1e6 })
            row.perSecond = figures.map { Double(count) / $0.wall }.median
            return row
        }.compared(to: "posix-spawn")
    }
}

struct ExitsWorkload: Workload {
    var alive: Int
    var exits = 200
    var rounds: Rounds
    var selected = ExitsImplementation.allCases
    var implementations: [String] { selected.map(\.rawValue) }

    static func name(alive: Int) -> String { "exit among \(alive)" }
    var name: String { Self.name(alive: alive) }

    /// Microseconds of the parent's CPU per exit.
    func measure(progress: Progress) throws -> [Row] {
        try Once.rounds(name, rounds, selected, progress) { implementation in
            [
                "exits", "--implementation", implementation.rawValue, "--alive", String(alive),
                "--exits", String(exits),
            ]
        }.map { implementation, figures in
            Row(
                workload: name, implementation: implementation.rawValue, unit: "us CPU",
                rounds: figures.map { $0.cpu / Double(exits) * 1e6 })
        }.compared(to: "libuv")
    }
}

struct PipeWorkload: Workload {
    var bytes: Int
    var rounds: Rounds
    var selected = PipeImplementation.allCases
    var implementations: [String] { selected.map(\.rawValue) }

    static let name = "pipe from a child"
    var name: String { Self.name }

    /// Milliseconds per GiB: wall time, and the parent's CPU.
    func measure(progress: Progress) throws -> [Row] {
        let gibibytes = Double(bytes) / Double(1 << 30)
        let figures = try Once.rounds(name, rounds, selected, progress) { implementation in
            ["pipe", "--implementation", implementation.rawValue, "--bytes", String(bytes)]
        }
        let processor = figures.map { implementation, figures in
            Row(
                workload: "\(name), CPU", implementation: implementation.rawValue,
                unit: "ms/GiB CPU", rounds: figures.map { $0.cpu * 1000 / gibibytes })
        }
        let wall = figures.map { implementation, figures in
            Row(
                workload: name, implementation: implementation.rawValue, unit: "ms/GiB wall",
                rounds: figures.map { $0.wall * 1000 / gibibytes })
        }
        return processor.compared(to: "posix") + wall.compared(to: "posix")
    }
}

struct LatenessWorkload: Workload {
    var count: Int
    var rounds: Rounds
    var selected = LatenessImplementation.allCases
    var implementations: [String] { selected.map(\.rawValue) }

    static let name = "timer while spawning"
    var name: String { Self.name }

    /// Microseconds that the timer was late, the 99th percentile.
    func measure(progress: Progress) throws -> [Row] {
        try Once.rounds(name, rounds, selected, progress) { implementation in
            ["lateness", "--implementation", implementation.rawValue, "--count", String(count)]
        }.map { implementation, figures in
            var row = Row(
                workload: name, implementation: implementation.rawValue, unit: "us p99",
                rounds: figures.map { $0.wall * 1e6 })
            row.p99 = row.value
            row.p50 = figures.map { $0.cpu * 1e6 }.median
            return row
        }.compared(to: "libuv")
    }
}

extension Once {
    /// The figures of each, round by round in turn.
    fileprivate static func rounds<Implementation: RawRepresentable<String>>(
        _ name: String, _ rounds: Rounds, _ selected: [Implementation], _ progress: Progress,
        _ arguments: (Implementation) -> [String]
    ) throws -> [(Implementation, [Figures])] {
        var figures = selected.map { ($0, [Figures]()) }
        try rounds.run { round in
            for index in selected.indices {
                progress.show("\(name): round \(round), \(selected[index].rawValue)")
                figures[index].1.append(try measure(arguments(selected[index])))
            }
        }
        return figures
    }
}
