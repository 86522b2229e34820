// Long runs that show no speed but that nothing is left behind.

import ArgumentParser
import Reactor

struct SoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "Long runs that show that nothing is left behind.",
        subcommands: [Children.self, Memory.self, Idle.self, Timers.self, Stop.self])

    struct Children: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Children of all kinds: every status right, no zombie, no descriptor more.")

        @Option(help: "How many children.")
        var count = 20_000
        @Option(help: "How many at once.")
        var concurrency = 8

        func run() throws {
            let figures = try EventLoop.run { try await ChildrenSoak.run(count, concurrency) }
            print(figures)
        }
    }

    struct Memory: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How long starting children holds up the loop of a large process.")

        @Option(help: "How much memory this process is to hold, in GiB.")
        var gibibytes = 4
        @Option(help: "How many children are started, one at a time.")
        var count = 200

        func run() throws {
            let size = gibibytes << 30
            let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, size), alignment: 4096)
            defer { memory.deallocate() }
            for offset in stride(from: 0, to: size, by: 4096) {
                memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
            }
            let times = try EventLoop.run { try await HoldUpSoak.run(count) }
            print("\(count) children of a process with \(residentMebibytes()) MiB")
            let middle = times.sorted()[times.count / 2]
            print("the loop was held up for \(middle) us, at most \(times.max()!) us")
        }
    }

    struct Idle: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Connections that wait cost no time: CPU and switches of their server.")

        @Option(help: "How many connections.")
        var connections = 10_000
        @Option(help: "For how long.")
        var seconds = 5

        func run() throws { print(try IdleSoak.run(connections, seconds)) }
    }

    struct Timers: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sleeps at once, each over once and on time; sleeps cancelled, none kept.")

        @Option(help: "How many sleep at once, for up to five seconds.")
        var count = 1_000_000
        @Option(help: "How many are started and cancelled, a thousand at a time.")
        var cancelled = 10_000_000

        func run() throws {
            let (count, cancelled) = (count, cancelled)
            try EventLoop.run {
                print(try await TimersSoak.fire(count))
                print(try await TimersSoak.cancel(cancelled))
            }
        }
    }

    struct Stop: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A server that SIGTERM stops amid its requests: all finish, in time.")

        @Option(help: "How many requests are under way.")
        var connections = 1_000
        @Option(help: "The grace period, in seconds.")
        var grace = 2

        func run() throws {
            let (connections, grace) = (connections, grace)
            try EventLoop.run {
                for isOneDeaf in [false, true] {
                    print(try await StopSoak.run(connections, grace, isOneDeaf: isOneDeaf))
                }
            }
        }
    }
}
