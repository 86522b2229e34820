// Reports of work that has kept a loop from everything else.

/// A turn as a whole is timed for nothing, and names those whose steps it had. Where that leaves a
/// choice, each step of the next seconds is timed, and the next slow one is named alone.
struct SlowJobs {
    /// Steps of tasks that ran after one poll.
    struct Turn {
        let steps: Int
        /// Whose they were, each once; of very many the last.
        let tasks: [TaskIdentity?]
        let length: UInt64
    }

    /// One of them.
    struct Step {
        let task: TaskIdentity?
        let length: Duration
    }

    /// Each step is timed until then.
    private var timesUntil = MonotonicTime(nanoseconds: 0)
    private var lastReport = MonotonicTime(nanoseconds: 0)
    private var unreported = 0
    /// Gets the reports instead of the log, in tests.
    var hook: ((String) -> Void)?

    private static let namesShown = 5
    private static let timingSpan = Duration.seconds(10)
    /// So that a loop that is slow again and again does not fill the log.
    private static let reportPause = Duration.seconds(1)

    /// On the loop's thread, like everything here.
    mutating func report(_ turn: Turn, on loop: EventLoop) {
        let time = Duration.milliseconds(Int64(clamping: turn.length))
        // Of very many only the last are known, and a slow one may have been before them.
        let areKnown = turn.steps <= LoopMeter.tasksKept
        if areKnown, turn.tasks.count == 1 {
            return report(Step(task: turn.tasks[0], length: time), on: loop)
        }
        timesUntil = .now.advanced(by: Self.timingSpan)
        loop.core.meter.state.timesSteps = true
        var names: [String] = []
        for task in turn.tasks {
            let name = loop.describe(task)
            if !names.contains(name) { names.append(name) }
            if names.count > Self.namesShown { break }
        }
        if names.count > Self.namesShown { names[Self.namesShown] = "and others" }
        say(
            "\(turn.steps) steps have kept \(loop) for \(time.brief), "
                + (areKnown ? "of " : "the last of them of ") + names.joined(separator: ", ")
                + "; each is timed now", loop)
    }

    mutating func report(_ step: Step, on loop: EventLoop) {
        say("\(loop.describe(step.task)) has kept \(loop) for \(step.length.brief)", loop)
    }

    private mutating func say(_ text: String, _ loop: EventLoop) {
        loop.core.meter.state.slow += 1
        let now = MonotonicTime.now
        guard hook != nil || lastReport.duration(to: now) >= Self.reportPause else {
            unreported += 1
            return
        }
        let more = unreported > 0 ? ", and \(unreported) more since the last report" : ""
        unreported = 0
        lastReport = now
        if let hook { hook(text) } else { Log.logger.warning("slow: \(text)\(more)") }
    }

    /// Ends the timing of single steps when nothing was slow for a while.
    mutating func lookAgain(_ now: MonotonicTime, _ core: LoopCore) {
        if now > timesUntil, !Debugging.isOn { core.meter.state.timesSteps = false }
    }
}

extension EventLoop {
    /// A task by the name it was given, or by what it serves.
    fileprivate func describe(_ task: TaskIdentity?) -> String {
        guard let task else { return "a call from another thread" }
        if let entry = work.entry(of: task, turn: core.turns) { return "task \(entry.title)" }
        for participant in core.participants.all where participant.handler == task {
            return "the handler of \(participant.shutdownName)"
        }
        return "a task without a name"
    }

    /// Has turns and steps of tasks reported that take `limit` or longer; `nil` for none.
    ///
    /// Without this call the limit is 100 ms. A report is a line in the log, at most one a second,
    /// and counts in ``LoopStatistics/slowJobs``. It names the tasks that ran in the slow turn: the
    /// one where there was one, else several. For ten seconds after it steps are timed one by one,
    /// and always with `REACTOR_DEBUG=1` in the environment: then the slow one alone is named.
    ///
    /// Callable from any thread; limits are whole milliseconds, one at least. Does not suspend.
    public func reportSlowJobs(over limit: Duration?) {
        let milliseconds = limit.map { max(1, Int64(clamping: $0.wholeMilliseconds)) }
        let change: @Sendable () -> Void = {
            self.core.meter.state.threshold = milliseconds.map { UInt64($0) } ?? UInt64.max / 2
        }
        if isCurrent { change() } else { post(change) }
    }
}

extension Duration {
    /// Rounded down.
    var wholeMilliseconds: Int128 { attoseconds / 1_000_000_000_000_000 }
}
