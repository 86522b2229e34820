// A timer that waits, as snapshots tell it.

/// What a deadline is for, and whose it is.
struct PendingTimer {
    let due: MonotonicTime
    /// `sleep`, `time limit`, or `internal`.
    let kind: String
    /// Who sleeps, or has set the limit.
    var task: TaskIdentity?
    /// The task that runs under the limit in that one's place.
    var deputy: TaskIdentity?
    /// The sleep as a wait.
    var wait: ParkedWait?

    init(_ due: MonotonicTime, _ began: CoarseTime, _ action: borrowing TimerAction) {
        self.due = due
        switch action {
        case .wake(let sleeper):
            kind = "sleep"
            task = sleeper.task
            let left = MonotonicTime.now.duration(to: due)
            wait = ParkedWait("the end of a sleep, in \(left.brief)", sleeper, since: began.time)
        case .ring(let bell):
            kind = "time limit"
            (task, deputy) = bell.tasks
        case .call: kind = "internal"
        }
    }
}
