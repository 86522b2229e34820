// What a loop counts: read now and then, free in between.

/// What a loop has done and is doing, at one moment.
///
/// Counting costs the loop nothing that it would not do without. Nothing here tells one task or
/// stream from another: that is what ``LoopSnapshot`` is for.
public struct LoopStatistics: Sendable, Hashable, Codable {
    /// The loop's name.
    public internal(set) var loop: String
    /// How often the loop has polled.
    public internal(set) var turns: UInt64
    /// Steps of tasks, and calls from elsewhere, that it has run.
    public internal(set) var jobs: UInt64
    /// Steps that are ready and wait for their turn.
    public internal(set) var readyJobs: Int
    /// Tasks of `run`, ``EventLoop/spawn(after:name:fileID:line:_:)`` and
    /// ``EventLoop/submit(name:fileID:line:_:)`` that live, and connections that `serve` has open.
    public internal(set) var tasks: Int
    /// Sleeps, time limits and the library's own timers.
    public internal(set) var timers: Int
    /// What is open on the loop, by kind: `stream`, `listener`, `service`, `child` and so on.
    public internal(set) var open: [String: Int]
    /// libuv's handles, by kind: `poll`, `timer`, `process`.
    ///
    /// Each loop has a few of its own.
    public internal(set) var handles: [String: Int]
    /// Failures to accept that listeners have answered with a pause.
    public internal(set) var acceptBackOffs: UInt64
    /// Turns and steps that were reported as slow: see
    /// ``EventLoop/reportSlowJobs(over:)``.
    public internal(set) var slowJobs: UInt64

    private var lagSeconds: Seconds
    private var longestLagSeconds: Seconds

    /// How long the loop has kept what was ready waiting, at the worst, lately.
    ///
    /// The length of its longest turn, from the end of a poll until the tasks that it woke have
    /// run; in whole milliseconds. "Lately" is since the reading before the last: readings less
    /// than a second apart count as one.
    public var lag: Duration { lagSeconds.duration }

    /// The same since the loop began.
    public var longestLag: Duration { longestLagSeconds.duration }
}

extension LoopStatistics {
    /// On the loop's thread.
    init(_ loop: EventLoop) {
        let core = loop.core
        let lag = core.meter.state.lag(.now)
        self.loop = loop.name
        turns = core.turns
        jobs = core.jobs
        readyJobs = loop.queue.count
        timers = core.timers.count
        open = [:]
        var connections = 0
        for participant in core.participants.all {
            open[participant.inspectedKind, default: 0] += 1
            if participant.isServed { connections += 1 }
        }
        tasks = loop.work.count + connections
        handles = [:]
        for kind in HandleKind.allCases { handles["\(kind)"] = core.uv.openHandles[kind] }
        acceptBackOffs = core.acceptBackOffs
        slowJobs = core.meter.state.slow
        lagSeconds = Seconds(lag.recent)
        longestLagSeconds = Seconds(lag.longest)
    }
}

extension EventLoop {
    /// What this loop counts.
    ///
    /// Callable from any thread or task. On the loop's own thread it does not suspend; elsewhere
    /// until the loop gets to it. Cancelling ends the wait with `CancellationError`.
    ///
    /// - Throws: ``ReactorError/Code/loopClosed`` if the loop has ended; `CancellationError`.
    public var statistics: LoopStatistics {
        get async throws { try await answer { LoopStatistics(self) } }
    }
}

/// A duration that is a number of seconds in JSON.
struct Seconds: Sendable, Hashable, Codable {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init(from decoder: any Decoder) throws {
        duration = .seconds(try decoder.singleValueContainer().decode(Double.self))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(duration / .seconds(1))
    }
}
