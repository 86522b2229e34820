// Very many sleeps: none is lost, none is early, none is kept.

import CBaseline
import Foundation
import Histogram
import Reactor

enum TimersSoak {
    /// Up to five seconds each, all at once. Returns what there is to say, and throws if one is
    /// early, lost, or one in a thousand is more than 50 ms late.
    static func fire(_ count: Int) async throws -> String {
        let before = residentMebibytes()
        let loop = EventLoop.current!
        let lateness = Lateness()
        // They are all there before the first is due.
        let start = LoopClock.Instant.now.advanced(by: .nanoseconds(count * 6_000))
        var tasks: [Task<Void, any Error>] = []
        tasks.reserveCapacity(count)
        for _ in 0..<count {
            let due = start.advanced(by: .nanoseconds(Int.random(in: 0...5_000_000_000)))
            tasks.append(
                Task(executorPreference: loop) {
                    try await EventLoop.sleep(until: due)
                    try lateness.add(due.duration(to: .now))
                })
        }
        for task in tasks { try await task.value }
        let peak = residentMebibytes()
        tasks = []
        cbaseline_give_back()
        let left = try await loop.statistics.timers
        guard left == 0 else { throw Failure("\(left) timers are left") }
        let (middle, last) = (lateness.percentile(50), lateness.percentile(99.9))
        guard lateness.count == count else { throw Failure("\(lateness.count) of \(count)") }
        guard last <= 50_000 else { throw Failure("one in a thousand \(last) us late") }
        return """
            \(count) sleeps at once, each over once: the median \(middle) us late, one in a \
            thousand \(last) us; \(peak) MiB with all of them, \(residentMebibytes()) MiB \
            afterwards, \(before) MiB before
            """
    }

    /// Started and cancelled, a thousand at a time. Throws if one outlives its task, or more than
    /// 8 MiB are.
    static func cancel(_ count: Int) async throws -> String {
        let loop = EventLoop.current!
        try await cancelThousand(on: loop)
        let before = residentMebibytes()
        var grown = 0
        for _ in 0..<count / 1_000 {
            try await cancelThousand(on: loop)
            grown = max(grown, residentMebibytes() - before)
        }
        guard grown <= 8 else { throw Failure("\(grown) MiB more, not 8") }
        return """
            \(count) sleeps started and cancelled: never a timer more than tasks, \
            at most \(grown) MiB more
            """
    }

    private static func cancelThousand(on loop: EventLoop) async throws {
        let tasks = (0..<1_000).map { _ in
            Task(executorPreference: loop) { try? await EventLoop.sleep(for: .seconds(3_600)) }
        }
        await Task.yield()
        let waiting = try await loop.statistics.timers
        guard waiting <= tasks.count else { throw Failure("\(waiting) timers of 1000 tasks") }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        let left = try await loop.statistics.timers
        guard left == 0 else { throw Failure("\(left) timers are left") }
    }
}

/// Touched on one loop alone.
private final class Lateness: @unchecked Sendable {
    private var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private(set) var count = 0

    func add(_ lateness: Duration) throws {
        let microseconds = lateness / .microseconds(1)
        guard microseconds >= 0 else { throw Failure("\(-microseconds) us early") }
        histogram.record(UInt64(microseconds))
        count += 1
    }

    func percentile(_ percentile: Double) -> UInt64 { histogram.valueAtPercentile(percentile) }
}
