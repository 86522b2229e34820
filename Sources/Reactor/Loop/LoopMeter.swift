// What a loop counts of itself, at no cost to what it does.

/// Kept in a cell by ``LoopCore``; one look at the clock a turn, which pacing used to take.
///
/// A turn keeps everything else waiting that gets ready meanwhile: its length is the loop's lag.
/// It begins where the poll has ended, by libuv's clock of whole milliseconds, and ends when the
/// tasks that it made ready have run.
struct LoopMeter {
    private(set) var turns: UInt64 = 0
    private(set) var jobs: UInt64 = 0
    /// True if each step is timed by itself.
    var timesSteps = false
    /// When the poll under way began to wake tasks within it; zero if it has not.
    private(set) var wokenAt: UInt64 = 0
    /// A turn of at most so many milliseconds is of no interest.
    private(set) var mark: UInt64 = 0

    /// Whose the last steps were.
    private var tasks = InlineArray<64, TaskIdentity?>(repeating: nil)
    static let tasksKept = 64
    /// `jobs` when the turn began.
    private var jobsBefore: UInt64 = 0

    /// Turns and steps of so many milliseconds are reported.
    var threshold: UInt64 = 100 { didSet { setMark() } }
    /// How many have been.
    var slow: UInt64 = 0
    private var recent: UInt64 = 0
    private var before: UInt64 = 0
    private var longest: UInt64 = 0
    private var lastReading = MonotonicTime(nanoseconds: 0)

    @inline(__always)
    mutating func turned() { turns &+= 1 }

    /// A step of `task` begins.
    @inline(__always)
    mutating func note(_ task: TaskIdentity?) {
        tasks[Int(truncatingIfNeeded: jobs & 63)] = task
        jobs &+= 1
    }

    /// How many steps the turn has had, those within its poll included.
    var steps: Int { Int(truncatingIfNeeded: jobs &- jobsBefore) }

    /// Whose the last of them were, each once, in their order.
    var lastTasks: [TaskIdentity?] {
        var list: [TaskIdentity?] = []
        for job in max(jobsBefore, jobs &- UInt64(min(steps, Self.tasksKept)))..<jobs {
            let task = tasks[Int(truncatingIfNeeded: job & 63)]
            if !list.contains(task) { list.append(task) }
        }
        return list
    }

    /// What comes belongs to the next turn.
    @inline(__always)
    mutating func beginTurn() { jobsBefore = jobs }

    /// Tasks run within a poll, which began at `milliseconds`.
    @inline(__always)
    mutating func woke(at milliseconds: UInt64) {
        if wokenAt == 0 { wokenAt = milliseconds }
    }

    /// How long the turn took, in milliseconds, that ends now; its poll ended at `milliseconds`.
    @inline(__always)
    mutating func endTurn(_ now: MonotonicTime, polledAt milliseconds: UInt64) -> UInt64 {
        let start = wokenAt == 0 ? milliseconds : wokenAt
        wokenAt = 0
        let end = now.nanoseconds / 1_000_000
        return end > start ? end &- start : 0
    }

    /// A turn longer than `mark`. True if it is one to be reported.
    mutating func note(_ length: UInt64) -> Bool {
        recent = max(recent, length)
        longest = max(longest, length)
        setMark()
        return length >= threshold
    }

    private mutating func setMark() { mark = min(recent, threshold &- 1) }

    /// The longest turn lately, and ever. Readings a second apart or more tell "lately" apart.
    mutating func lag(_ now: MonotonicTime) -> (recent: Duration, longest: Duration) {
        let lately = max(recent, before)
        if lastReading.duration(to: now) >= .seconds(1) {
            before = recent
            recent = 0
            lastReading = now
            setMark()
        }
        return (.milliseconds(Int64(clamping: lately)), .milliseconds(Int64(clamping: longest)))
    }
}
