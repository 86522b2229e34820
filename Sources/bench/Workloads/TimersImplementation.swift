// A million sleeps, by each of those who can.

import ArgumentParser
import CBaseline
import Reactor
import Synchronization

enum TimersImplementation: String, CaseIterable, Codable, ExpressibleByArgument {
    /// Bare `uv_timer_t`s, no task anywhere.
    case libuv
    /// `EventLoop.sleep` in as many tasks on one loop.
    case reactor
    /// `Task.sleep` in as many tasks.
    case taskSleep = "task-sleep"
    /// As many tasks on one loop that wait with no timer: what `reactor` costs without its queue.
    case tasksAlone = "tasks-alone"

    func run(_ mode: TimersMode, count: Int) throws -> cbaseline_time {
        let spread = FireSpread(count: count, lead: (self == .libuv ? 1e-6 : 3e-6) * Double(count))
        switch self {
        case .libuv:
            switch mode {
            case .cancel: return cbaseline_timers_cancel(Int64(count))
            case .fire:
                let time = cbaseline_timers_fire(
                    Int64(count), Int64(spread.lead * 1000), Int64(spread.width * 1000))
                guard time.wall > 0 else { throw Failure("not every timer fired") }
                return spread.withoutWait(
                    time, started: Double(time.started) / 1e9, ended: Double(time.wall) / 1e9)
            }
        case .reactor:
            return try EventLoop.run {
                let loop = EventLoop.current!
                return try await Self.sleeps(mode, count, spread) { started, left in
                    Task(executorPreference: loop) {
                        started.increment()
                        try? await EventLoop.sleep(for: left())
                    }
                }
            }
        case .taskSleep:
            return try EventLoop.run {
                // From a task of the global executor, as it is meant to be used.
                try await Task.detached {
                    return try await Self.sleeps(mode, count, spread) { started, left in
                        Task.detached {
                            started.increment()
                            try? await Task.sleep(for: left())
                        }
                    }
                }.value
            }
        case .tasksAlone:
            guard mode == .cancel else { throw Failure("tasks alone never fire") }
            return try EventLoop.run {
                let loop = EventLoop.current!
                return try await Self.sleeps(mode, count, spread) { started, left in
                    Task(executorPreference: loop) {
                        started.increment()
                        // What the others compute too: it is not the timer queue's.
                        await Parked.untilCancelled(left())
                    }
                }
            }
        }
    }

    /// `start` makes a task that counts itself and sleeps for what is left then: with nothing
    /// between the two, as a user would write it.
    private static func sleeps(
        _ mode: TimersMode, _ count: Int, _ spread: FireSpread,
        start: (Counter, @escaping @Sendable () -> Duration) -> Task<Void, Never>
    ) async throws -> cbaseline_time {
        let started = Counter()
        let watch = Stopwatch()
        var tasks: [Task<Void, Never>] = []
        tasks.reserveCapacity(count)
        for index in 0..<count {
            tasks.append(
                start(started) {
                    .seconds(mode == .cancel ? 3600 : spread.due(index) - watch.seconds)
                })
        }
        // A look now and then: what it costs is nothing beside a million sleeps.
        while started.value < count { try await sleepALittle() }
        let startedAfter = watch.seconds
        if mode == .cancel { for task in tasks { task.cancel() } }
        for task in tasks { await task.value }
        guard mode == .fire else { return watch.time() }
        return spread.withoutWait(watch.time(), started: startedAfter, ended: watch.seconds)
    }

    private static func sleepALittle() async throws {
        if EventLoop.current != nil {
            await Task.yield()
        } else {
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}

/// When each of many sleeps is due: all have begun by then where that is quick enough.
struct FireSpread: Sendable {
    let count: Int
    /// Seconds from the start to the first.
    let lead: Double

    /// Seconds from the first to the last: 0.2 for a million, and as dense where there are fewer.
    var width: Double { Double(count) * 2e-7 }

    func due(_ index: Int) -> Double {
        lead + Double(index * 7919 % count) / Double(count) * width
    }

    /// The time for starting and firing, without the idle wait between them.
    func withoutWait(_ time: cbaseline_time, started: Double, ended: Double) -> cbaseline_time {
        cbaseline_time(
            wall: Int64((ended - max(0, lead - started)) * 1e9), cpu: time.cpu, started: 0)
    }
}

private final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .relaxed) }
    func increment() { count.wrappingAdd(1, ordering: .relaxed) }
}

/// A wait that only its cancellation ends, on one thread.
private final class Parked: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Void, Never>?
    private var isCancelled = false
    private let time: Duration

    private init(_ time: Duration) { self.time = time }

    static func untilCancelled(_ time: Duration) async {
        let parked = Parked(time)
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if parked.isCancelled {
                    continuation.resume()
                } else {
                    parked.continuation = continuation
                }
            }
        } onCancel: {
            parked.isCancelled = true
            parked.continuation?.resume()
        }
    }
}
