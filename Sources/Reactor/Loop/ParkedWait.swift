// What tasks wait for, as far as the loop's own objects know.

/// One task that waits for something on the loop.
struct ParkedWait {
    /// `bytes from 127.0.0.1:4711`.
    let what: String
    let task: TaskIdentity?
    /// Since when at the earliest; `nil` where that was not noted.
    var since: MonotonicTime?
}

extension LoopCore {
    /// Every wait on this loop, timers' included; of timers at most `limit`.
    func eachWait(timers limit: Int = .max, _ visit: (ParkedWait) -> Void) {
        for participant in participants.all { participant.eachWait(visit) }
        timers.eachSleep(limit: limit) { task, left in
            visit(ParkedWait(what: "the end of a sleep, in \(left)", task: task))
        }
    }

    /// The same by the task that waits.
    var parkedWaits: [TaskIdentity: ParkedWait] {
        var waits: [TaskIdentity: ParkedWait] = [:]
        eachWait { wait in
            if let task = wait.task { waits[task] = wait }
        }
        return waits
    }
}
