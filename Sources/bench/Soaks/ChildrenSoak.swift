// Children of all kinds, by the ten thousand.

import Foundation
import Reactor

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
