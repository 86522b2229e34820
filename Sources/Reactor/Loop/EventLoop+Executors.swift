// How Swift's jobs run on a loop: two executor objects over one queue.
//
// One object for both kinds costs extra hops: an actor pinned to the loop must be run as isolated
// to its serial executor, a plain task must not (the table in docs/decisions/0002-executors.md).

extension EventLoop {
    /// Queues a step of a task that runs on this loop.
    ///
    /// Called by the Swift runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            queue.append(.job(job))
        } else if !queue.send(.job(job)) {
            FallbackThread.shared.run {
                // SAFETY: the closure keeps the executor; the job runs once, here.
                unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
            }
        }
    }

    /// An executor for actors that are to live on this loop:
    /// `nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnowned… }`.
    ///
    /// The actor keeps a reference to it, or to the loop. Its methods then run on the loop's
    /// thread; once the loop has ended they still run, one at a time, on a thread kept for that.
    public var serialExecutor: any SerialExecutor { serial }

    /// Runs ready work, at most about a thousand steps or a few milliseconds of it, so that a task
    /// that always has more starves nobody. True if work is left.
    @inline(__always)
    func runReady(_ core: LoopCore) -> Bool {
        guard queue.collect() else {
            if core.meter.state.wokenAt != 0 { endTurn(core) }
            return false
        }
        return core.meter.state.timesSteps ? runTimed(core) : runBatch(core)
    }

    private func runBatch(_ core: LoopCore) -> Bool {
        core.clearLanded()
        var start: UInt64 = 0
        var steps = 0
        while let work = queue.next() {
            core.meter.state.note(work.task)
            run(work)
            steps &+= 1
            if steps & 63 == 0 {
                let now = MonotonicTime.now.nanoseconds
                if steps == 64 { start = now }
                if steps >= 1024 || now &- start > 2_000_000 { break }
            }
        }
        endTurn(core)
        return queue.collect()
    }

    /// The same with a look at the clock after each step.
    @inline(never)
    private func runTimed(_ core: LoopCore) -> Bool {
        core.clearLanded()
        let start = MonotonicTime.now
        var (now, steps) = (start, 0)
        while let work = queue.next() {
            now = runTimed(work, core, now)
            steps &+= 1
            if steps >= 1024 || start.duration(to: now) > .milliseconds(2) { break }
        }
        core.slowJobs.lookAgain(now, core)
        let length = core.meter.state.endTurn(now, polledAt: core.uv.nowMilliseconds)
        _ = core.meter.state.note(length)
        core.meter.state.beginTurn()
        return queue.collect()
    }

    /// One step that begins `now`; returns when it ended.
    private func runTimed(_ work: Work, _ core: LoopCore, _ now: MonotonicTime) -> MonotonicTime {
        let task = work.task
        core.meter.state.note(task)
        run(work)
        let end = MonotonicTime.now
        if Debugging.isOn { core.noteStep(of: task, end) }
        if end.nanoseconds &- now.nanoseconds >= core.meter.state.threshold &* 1_000_000 {
            core.slowJobs.report(
                SlowJobs.Step(task: task, length: now.duration(to: end)), on: self)
        }
        return end
    }

    /// The tasks that the last poll has woken have run.
    @inline(__always)
    private func endTurn(_ core: LoopCore) {
        let length = core.meter.state.endTurn(.now, polledAt: core.uv.nowMilliseconds)
        if length > core.meter.state.mark { noteTurn(core, length) }
        core.meter.state.beginTurn()
    }

    @inline(never)
    private func noteTurn(_ core: LoopCore, _ length: UInt64) {
        guard core.meter.state.note(length) else { return }
        let turn = SlowJobs.Turn(
            steps: core.meter.state.steps, tasks: core.meter.state.lastTasks, length: length)
        core.slowJobs.report(turn, on: self)
    }

    /// Runs what a long poll has made ready so far, each task's next step once, and goes on with
    /// the poll: what the tasks are to read is still in the cache then, and the arrays of a
    /// thousand reads are not all alive at once (docs/decisions/0012-pacing.md).
    @inline(never)
    func runWoken(_ core: LoopCore) {
        core.clearLanded()
        core.meter.state.woke(at: core.uv.nowMilliseconds)
        if core.meter.state.timesSteps { return runWokenTimed(core) }
        let steps = queue.count
        for _ in 0..<steps {
            guard let work = queue.next() else { break }
            core.meter.state.note(work.task)
            run(work)
        }
    }

    @inline(never)
    private func runWokenTimed(_ core: LoopCore) {
        var now = MonotonicTime.now
        for _ in 0..<queue.count {
            guard let work = queue.next() else { break }
            now = runTimed(work, core, now)
        }
    }

    @inline(__always)
    private func run(_ work: Work) {
        // SAFETY: the loop, which is both executors' keeper, runs this; each job is taken from the
        // queue once.
        switch work {
        case .job(let job): unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        case .pinned(let job):
            unsafe job.runSynchronously(
                isolatedTo: serial.asUnownedSerialExecutor(),
                taskExecutor: asUnownedTaskExecutor())
        case .call(let call): call()
        }
    }

    /// Passes on what was queued when the loop ended.
    func runElsewhere(_ rest: [Work]) {
        for work in rest {
            switch work {
            case .job(let job):
                FallbackThread.shared.run {
                    // SAFETY: as in `enqueue`.
                    unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
                }
            case .pinned(let job): serial.runElsewhere(job)
            case .call: break  // Its sender's wait was settled when the loop shut down.
            }
        }
    }
}

/// Runs actors on a loop's thread. Shares the queue, not the object, with the task executor.
///
/// Unchecked: `loop` is written once, before another thread has this.
final class LoopSerialExecutor: SerialExecutor, @unchecked Sendable {
    private let queue: JobQueue
    /// For the form in which jobs are run.
    weak var loop: EventLoop?

    init(queue: JobQueue) { self.queue = queue }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if let loop, loop.isCurrent {
            queue.append(.pinned(job))
        } else if !queue.send(.pinned(job)) {
            runElsewhere(job)
        }
    }

    func runElsewhere(_ job: UnownedJob) {
        FallbackThread.shared.run { [self, loop] in
            // SAFETY: the closure keeps both executors; the job runs once, here.
            if let loop {
                unsafe job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(),
                    taskExecutor: loop.asUnownedTaskExecutor())
            } else {
                unsafe job.runSynchronously(on: asUnownedSerialExecutor())
            }
        }
    }
}

extension TaskExecutor {
    /// Runs one step of a task on the calling thread, which is this executor's.
    func runHere(_ job: UnownedJob) {
        // SAFETY: the caller keeps the executor, and takes each job from its queue once.
        unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
}
