// What tasks wait for, as far as the loop's own objects know.

/// One task that waits for something on the loop.
struct ParkedWait {
    /// `bytes from 127.0.0.1:4711`.
    let what: String
    var task: TaskIdentity?
    /// Since when at the earliest; `nil` where that was not noted.
    var since: MonotonicTime?
    /// Under `REACTOR_DEBUG=1`: where it stands.
    var calls: CallChain

    /// Visited on the loop's thread, which alone can end the wait.
    init<Value>(_ what: String, _ waiter: Waiter<Value>, since: MonotonicTime? = nil) {
        self.what = what
        task = waiter.task
        switch waiter {
        case .here(let suspension):
            self.since = since
            calls = Debugging.isOn ? CallChain(of: suspension.task) : CallChain()
        case .elsewhere(let wait):
            self.since = wait.note?.since ?? since
            calls = wait.note?.calls ?? CallChain()
        }
    }

    /// A wait that other threads may end.
    init<Value>(_ what: String, _ wait: RemoteWait<Value>, since: MonotonicTime? = nil) {
        self.what = what
        self.since = wait.note?.since ?? since
        task = wait.task
        calls = wait.note?.calls ?? CallChain()
    }
}

extension LoopCore {
    /// Every wait on this loop, timers' included; of timers at most `limit`.
    ///
    /// A body under a time limit is a task of its own: its waits are those of the task that set the
    /// limit.
    func eachWait(timers limit: Int = .max, _ visit: (ParkedWait) -> Void) {
        var sleeps: [ParkedWait] = []
        var principals: [TaskIdentity: TaskIdentity] = [:]
        timers.each(limit: limit) { timer in
            if let wait = timer.wait { sleeps.append(wait) }
            if let deputy = timer.deputy { principals[deputy] = timer.task }
        }
        func tell(_ wait: ParkedWait) {
            var wait = Debugging.isOn ? self.timed(wait) : wait
            while let task = wait.task, let principal = principals[task] { wait.task = principal }
            visit(wait)
        }
        for participant in participants.all { participant.eachWait(tell) }
        for sleep in sleeps { tell(sleep) }
    }

    /// The wait with its beginning, as far as the steps of tasks tell.
    private func timed(_ wait: ParkedWait) -> ParkedWait {
        guard let task = wait.task, let step = lastSteps[task] else { return wait }
        var wait = wait
        wait.since = max(wait.since ?? step, step)
        return wait
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
