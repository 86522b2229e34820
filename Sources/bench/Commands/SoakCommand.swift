// Long runs that show no speed but that nothing is left behind.

import ArgumentParser
import CBaseline
import Foundation
import Reactor

struct SoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "Long runs that show that nothing is left behind.",
        subcommands: [Children.self, Memory.self])

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
            let times = try EventLoop.run { try await Self.holdUps(count) }
            print("\(count) children of a process with \(residentMebibytes()) MiB")
            let middle = times.sorted()[times.count / 2]
            print("the loop was held up for \(middle) us, at most \(times.max()!) us")
        }

        /// How long the loop did nothing else while each child was started, in microseconds: a
        /// task that yields all the time takes the longest pause between two of its steps.
        private static func holdUps(_ count: Int) async throws -> [Int64] {
            let pulse = Pulse()
            let task = Task(executorPreference: EventLoop.current!) {
                while !Task.isCancelled {
                    pulse.beat()
                    await Task.yield()
                }
            }
            var times: [Int64] = []
            for _ in 0..<count {
                await Task.yield()
                pulse.longest = 0
                let child = try await Command("/bin/sleep", "60").spawn()
                times.append(pulse.longest / 1000)
                await child.terminate()
            }
            task.cancel()
            await task.value
            return times
        }
    }
}

/// Touched on one loop alone.
private final class Pulse: @unchecked Sendable {
    var longest: Int64 = 0
    private var last = cbaseline_now()

    func beat() {
        let now = cbaseline_now()
        longest = max(longest, now - last)
        last = now
    }
}

enum ChildrenSoak {
    /// Returns what there is to say, and throws at the first thing that is wrong.
    static func run(_ count: Int, _ atOnce: Int) async throws -> String {
        for index in 0..<16 { try await one(index) }
        let (descriptors, memory) = (try descriptorCount(), residentMebibytes())
        let watch = Stopwatch()
        let loop = EventLoop.current!
        let tasks = (0..<atOnce).map { lane in
            Task(executorPreference: loop) {
                for index in stride(from: lane, to: count, by: atOnce) { try await one(index) }
            }
        }
        for task in tasks { try await task.value }
        let seconds = watch.seconds
        // What has just ended may still be closing.
        try await EventLoop.sleep(for: .milliseconds(50))
        let more = try descriptorCount() - descriptors
        guard more == 0 else { throw Failure("\(more) descriptors more") }
        guard waitpid(-1, nil, WNOHANG) == -1, errno == ECHILD else {
            throw Failure("a child is left")
        }
        let grown = residentMebibytes() - memory
        return """
            \(count) children, \(atOnce) at once, in \(Int(seconds)) s: every status right, \
            no child left, no descriptor more, \(grown) MiB of memory more
            """
    }

    /// The kinds take turns: exits, deaths, outputs, pipelines, refusals, cancellations.
    private static func one(_ index: Int) async throws {
        switch index % 8 {
        case 0: try await expect(Command("/bin/true").run(), .exited(0))
        case 1:
            let code = Int32(index / 8 % 256)
            try await expect(Command("/bin/sh", "-c", "exit \(code)").run(), .exited(code))
        case 2:
            let status = try await Command("/bin/sh", "-c", "kill -KILL $$").run()
            try expect(status, .signaled(.kill, coreDumped: false))
        case 3:
            let result = try await Command("/bin/echo", "\(index)").output()
            try expect(result.status, .exited(0))
            guard result.text == "\(index)\n" else { throw Failure("wrote \(result.text)") }
        case 4:
            let command = Command("/bin/cat").with { $0.standardInput = .text("\(index)") }
            let result = try await command.output()
            guard result.text == "\(index)" else { throw Failure("wrote \(result.text)") }
        case 5:
            do {
                try await Command("/no/such").run()
                throw Failure("/no/such was run")
            } catch let error as ReactorError where error.code == .noSuchFile {}
        case 6:
            let child = try await Command("/bin/sleep", "60").spawn()
            try await expect(child.terminate(), .signaled(.terminate, coreDumped: false))
        default:
            let file = Command("/bin/true").with { $0.standardOutput = .file("/dev/null") }
            try await expect(file.run(), .exited(0))
        }
    }

    private static func expect(_ status: ExitStatus, _ right: ExitStatus) throws {
        guard status == right else { throw Failure("\(status), not \(right)") }
    }

    private static func descriptorCount() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
}

private func residentMebibytes() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return (line.flatMap { Int($0.filter(\.isNumber)) } ?? 0) / 1024
}
