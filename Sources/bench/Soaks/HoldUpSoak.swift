// How long starting a child keeps a loop from anything else.

import CBaseline
import Reactor

enum HoldUpSoak {
    /// How long the loop did nothing else while each child was started, in microseconds: a
    /// task that yields all the time takes the longest pause between two of its steps.
    static func run(_ count: Int) async throws -> [Int64] {
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
