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

    /// A step of `task` has ended. `waiting` are the tasks that wait, of all others nothing need
    /// be known.
    mutating func note(
        _ task: TaskIdentity, _ now: MonotonicTime, waiting: () -> [TaskIdentity: ParkedWait]
    ) {
        ends[task] = now
        guard ends.count > limit else { return }
        let waits = waiting()
        ends = ends.filter { waits[$0.key] != nil }
        limit = max(1_024, ends.count * 2)
    }
}

extension LoopCore {
    /// A step of the task has ended, or its first one begins within another's.
    @inline(never)
    func noteStep(of task: TaskIdentity?, _ now: MonotonicTime = .now) {
        guard let task else { return }
        lastSteps.note(task, now) { parkedWaits }
    }
}
