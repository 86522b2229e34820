// The commands that measure children.

import ArgumentParser

struct SpawnCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spawn", abstract: "Start /bin/true and wait for it: time per child.")

    @Option(help: "posix-spawn, posix-threads, libuv, reactor or subprocess; all without.")
    var implementation: SpawnImplementation?
    @Option(help: "How many children.")
    var count = 1000
    @Option(help: "How many at once; 1, then 8 without.")
    var concurrency: Int?
    @Option(help: "How many rounds.")
    var rounds = 3

    func validate() throws {
        guard count > 0, concurrency ?? 1 > 0 else { throw ValidationError("Not below 1.") }
    }

    func run() throws {
        for atOnce in concurrency.map({ [$0] }) ?? [1, 8] {
            var workload = SpawnWorkload(atOnce: atOnce, count: count, rounds: Rounds(rounds))
            if let implementation { workload.selected = [implementation] }
            try workload.run()
        }
    }
}

struct ExitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exits", abstract: "One child's end among many that live: CPU per exit.")

    @Option(help: "libuv or reactor; both without.")
    var implementation: ExitsImplementation?
    @Option(help: "How many children live on; 100, then 4,000 without.")
    var alive: Int?
    @Option(help: "How many end, one after the other.")
    var exits = 200
    @Option(help: "How many rounds.")
    var rounds = 1

    func validate() throws {
        guard alive ?? 0 >= 0, exits > 0 else { throw ValidationError("Too few children.") }
    }

    func run() throws {
        for alive in alive.map({ [$0] }) ?? [100, 4000] {
            var workload = ExitsWorkload(alive: alive, exits: exits, rounds: Rounds(rounds))
            if let implementation { workload.selected = [implementation] }
            try workload.run()
        }
    }
}

struct PipeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipe", abstract: "Read a child's standard output: time per GiB.")

    @Option(help: "posix, reactor or subprocess; all without.")
    var implementation: PipeImplementation?
    @Option(help: "How many bytes, in blocks of 64 KiB.")
    var bytes = 1 << 30
    @Option(help: "How many rounds.")
    var rounds = 3

    func validate() throws {
        guard bytes > 0 else { throw ValidationError("Not below 1.") }
    }

    func run() throws {
        var workload = PipeWorkload(bytes: bytes, rounds: Rounds(rounds))
        if let implementation { workload.selected = [implementation] }
        try workload.run()
    }
}

struct LatenessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lateness",
        abstract: "How late a loop tells each millisecond while it starts children, 8 at once.")

    @Option(help: "libuv or reactor; both without.")
    var implementation: LatenessImplementation?
    @Option(help: "How many children.")
    var count = 1000
    @Option(help: "How many rounds.")
    var rounds = 3

    func validate() throws {
        guard count >= 100 else { throw ValidationError("Too few children for a percentile.") }
    }

    func run() throws {
        var workload = LatenessWorkload(count: count, rounds: Rounds(rounds))
        if let implementation { workload.selected = [implementation] }
        try workload.run()
    }
}

extension OnceCommand {
    struct Spawn: ParsableCommand {
        @Option var implementation: SpawnImplementation
        @Option var count: Int
        @Option var concurrency: Int

        func run() throws {
            Once.report(try implementation.run(count: count, atOnce: concurrency))
        }
    }

    struct Exits: ParsableCommand {
        @Option var implementation: ExitsImplementation
        @Option var alive: Int
        @Option var exits: Int

        func run() throws {
            Once.report(try implementation.run(alive: alive, exits: exits))
        }
    }

    struct Pipe: ParsableCommand {
        @Option var implementation: PipeImplementation
        @Option var bytes: Int

        func run() throws { Once.report(try implementation.run(bytes: bytes)) }
    }

    struct Lateness: ParsableCommand {
        @Option var implementation: LatenessImplementation
        @Option var count: Int

        func run() throws { Once.report(try implementation.run(count: count)) }
    }
}
