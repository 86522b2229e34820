// The expensive half of inspection.

/// What `REACTOR_DEBUG=1` in the environment turns on: each step of a task is timed, and a wait
/// keeps since when it lasts and where in the source it stands.
enum Debugging {
    static let isOn = Surroundings.variable("REACTOR_DEBUG") == "1"
}

/// When tasks last ran: those that wait have waited since. Kept under `REACTOR_DEBUG=1` only, by
/// the step, as a wait that noted its beginning would do so whether anybody looks or not.
struct LastSteps {
    private var ends: [TaskIdentity: MonotonicTime] = [:]
    /// How many there may be until those that are over go.
    private var limit = 1_024

    subscript(task: TaskIdentity) -> MonotonicTime? { ends[task] }

    /// A step of `task` has ended.
    mutating func note(_ task: TaskIdentity, _ now: MonotonicTime) { ends[task] = now }

    /// True if those that are over should go.
    var isFull: Bool { ends.count > limit }

    /// Of tasks that do not wait nothing need be known.
    mutating func keep(_ waiting: some Collection<TaskIdentity>) {
        let waiting = Set(waiting)
        ends = ends.filter { waiting.contains($0.key) }
        limit = max(1_024, ends.count * 2)
    }
}

extension LoopCore {
    /// A step of the task has ended, or its first one begins within another's.
    @inline(never)
    func noteStep(of task: TaskIdentity?, _ now: MonotonicTime = .now) {
        guard let task else { return }
        lastSteps.note(task, now)
        if lastSteps.isFull { lastSteps.keep(parkedWaits.keys) }
    }
}
