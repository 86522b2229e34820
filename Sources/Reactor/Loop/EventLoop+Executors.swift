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
        guard queue.collect() else { return false }
        return runBatch(core)
    }

    private func runBatch(_ core: LoopCore) -> Bool {
        core.clearLanded()
        let start = MonotonicTime.now.nanoseconds
        var steps = 0
        while let work = queue.next() {
            run(work)
            steps &+= 1
            if steps & 63 == 0,
                steps >= 1024 || MonotonicTime.now.nanoseconds &- start > 2_000_000
            {
                break
            }
        }
        core.jobs &+= UInt64(steps)
        return queue.collect()
    }

    /// Runs what a long poll has made ready so far, each task's next step once, and goes on with
    /// the poll: what the tasks are to read is still in the cache then, and the arrays of a
    /// thousand reads are not all alive at once (docs/decisions/0012-pacing.md).
    @inline(never)
    func runWoken(_ core: LoopCore) {
        core.clearLanded()
        let steps = queue.count
        for _ in 0..<steps {
            guard let work = queue.next() else { break }
            run(work)
        }
        core.jobs &+= UInt64(steps)
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
