// Children, by each of those who can.

import ArgumentParser
import CBaseline
import Reactor

enum SpawnImplementation: String, CaseIterable, ExpressibleByArgument {
    /// `posix_spawn` and `waitpid` on one thread, in C.
    case posixSpawn = "posix-spawn"
    /// The same, each on a thread of its own.
    case posixThreads = "posix-threads"
    /// `uv_spawn` in C.
    case libuv
    /// `Command.run()` from tasks on one loop.
    case reactor
    /// swift-subprocess's `run` from as many tasks.
    case subprocess

    func run(count: Int, atOnce: Int) throws -> cbaseline_time {
        let time: cbaseline_time
        switch self {
        case .posixSpawn: time = cbaseline_spawn_posix(Int64(count), Int64(atOnce))
        case .posixThreads: time = cbaseline_spawn_threads(Int64(count), Int64(atOnce))
        case .libuv: time = cbaseline_spawn_uv(Int64(count), Int64(atOnce))
        case .reactor:
            time = try EventLoop.run {
                let watch = Stopwatch()
                try await Self.children(count, atOnce)
                return watch.time()
            }
        case .subprocess:
            time = try waiting {
                let watch = Stopwatch()
                try await SubprocessChildren.run(count, atOnce)
                return watch.time()
            }
        }
        guard time.wall > 0 else { throw Failure("a child failed") }
        return time
    }

    /// Runs them from the current loop.
    static func children(_ count: Int, _ atOnce: Int) async throws {
        let loop = EventLoop.current!
        let tasks = (0..<atOnce).map { index in
            Task(executorPreference: loop) {
                let command = Command("/bin/true")
                for _ in stride(from: index, to: count, by: atOnce) {
                    guard try await command.run() == .exited(0) else {
                        throw Failure("a child failed")
                    }
                }
            }
        }
        for task in tasks { try await task.value }
    }
}

enum ExitsImplementation: String, CaseIterable, ExpressibleByArgument {
    case libuv
    case reactor

    /// What does nothing, for as long as it is let.
    private static let arguments = ["/bin/sleep", "1000"]

    func run(alive: Int, exits: Int) throws -> cbaseline_time {
        // One descriptor for each.
        guard Machine.descriptorLimit > alive + exits + 100 else {
            throw Failure("\(Machine.descriptorLimit) descriptors are too few")
        }
        let time: cbaseline_time
        switch self {
        case .libuv:
            time = withArguments(Self.arguments) {
                cbaseline_exits($0, Int64(alive), Int64(exits))
            }
        case .reactor: time = try EventLoop.run { try await Self.reactor(alive, exits) }
        }
        guard time.wall > 0 else { throw Failure("a child failed") }
        return time
    }

    /// The loop's end kills those that are left.
    private static func reactor(_ alive: Int, _ exits: Int) async throws -> cbaseline_time {
        let command = Command(arguments[0], Array(arguments.dropFirst()))
        var children: [ChildProcess] = []
        while children.count < alive + exits {
            // Together: there are two cores.
            async let other = command.spawn()
            children.append(try await command.spawn())
            children.append(try await other)
        }
        let watch = Stopwatch()
        for child in children.prefix(exits) {
            try child.send(.kill)
            try await child.waitUntilExit()
        }
        return watch.time()
    }
}

enum PipeImplementation: String, CaseIterable, ExpressibleByArgument {
    /// A loop on `read` with 64 KiB, in C.
    case posix
    /// `standardOutput.read(into:)` with as much.
    case reactor
    /// swift-subprocess's sequence of buffers.
    case subprocess

    func run(bytes: Int) throws -> cbaseline_time {
        let block = 65_536
        let bytes = max(1, bytes / block) * block
        var words = ["dd", "if=/dev/zero", "bs=\(block)", "count=\(bytes / block)", "status=none"]
        if let cores = Machine.cores {
            _ = cbaseline_pin(cores.server)
            words = ["taskset", "-c", String(cores.client)] + words
        }
        let time: cbaseline_time
        switch self {
        case .posix:
            time = withArguments(words) { cbaseline_pipe($0[0]!, $0, Int64(bytes)) }
        case .reactor:
            let command = Command(words[0], Array(words.dropFirst()))
            time = try EventLoop.run { try await Self.reactor(command, bytes) }
        case .subprocess:
            let words = words
            time = try waiting {
                let watch = Stopwatch()
                try await SubprocessChildren.read(words, bytes)
                return watch.time()
            }
        }
        guard time.wall > 0 else { throw Failure("not \(bytes) bytes") }
        return time
    }

    private static func reactor(_ command: Command, _ bytes: Int) async throws -> cbaseline_time {
        let watch = Stopwatch()
        let (status, total) = try await command.run { child in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var total = 0
            while case let count = try await child.standardOutput.read(into: &buffer), count > 0 {
                total += count
            }
            return total
        }
        guard status == .exited(0), total == bytes else {
            throw Failure("\(status), \(total) of \(bytes) bytes")
        }
        return watch.time()
    }
}

/// Every millisecond that passes is one sample: a loop that stands still for 50 has 50 late ones.
enum LatenessImplementation: String, CaseIterable, ExpressibleByArgument {
    case libuv
    case reactor

    private static let atOnce = 8
    /// Samples: milliseconds.
    private static let capacity = 100_000

    /// Wall time is the 99th percentile of the lateness, CPU time its median.
    func run(count: Int) throws -> cbaseline_time {
        var samples: [Int64]
        switch self {
        case .libuv:
            samples = [Int64](unsafeUninitializedCapacity: Self.capacity) { buffer, size in
                size = cbaseline_lateness(
                    Int64(count), Int64(Self.atOnce), buffer.baseAddress!, Self.capacity)
            }
        case .reactor: samples = try EventLoop.run { try await Self.reactor(count) }
        }
        guard !samples.isEmpty else { throw Failure("a child failed") }
        samples.sort()
        return cbaseline_time(
            wall: max(1, samples[samples.count * 99 / 100]), cpu: samples[samples.count / 2],
            started: 0)
    }

    private static func reactor(_ count: Int) async throws -> [Int64] {
        let beat = Task(executorPreference: EventLoop.current!) {
            var samples: [Int64] = []
            var due = cbaseline_now() + 1_000_000
            while samples.count < capacity, !Task.isCancelled {
                try? await EventLoop.sleep(for: .nanoseconds(due - cbaseline_now()))
                let now = cbaseline_now()
                while due <= now {
                    samples.append(now - due)
                    due += 1_000_000
                }
            }
            return samples
        }
        try await SpawnImplementation.children(count, atOnce)
        beat.cancel()
        return await beat.value
    }
}

/// `words` as C has them, NULL behind the last.
private func withArguments<Result>(
    _ words: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { word in
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: word.utf8.count + 1)
        for (index, byte) in word.utf8.enumerated() { copy[index] = CChar(bitPattern: byte) }
        copy[word.utf8.count] = 0
        return copy
    }
    pointers.append(nil)
    defer { for pointer in pointers { pointer?.deallocate() } }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
