// A stop in steps, asked for from outside: drain, cancel, abort; each request takes the next.

internal import Synchronization

/// What a loop knows of a stop under way.
struct Stopping {
    let since: MonotonicTime
    /// When draining ends.
    let deadline: MonotonicTime
    /// When what was cancelled is aborted; `nil` while it drains.
    var abortAt: MonotonicTime?

    /// What cancelled tasks get after the grace period, at most.
    static let patience = Duration.seconds(1)
}

extension LoopRunner {
    /// One more request. On the loop's thread.
    func stopRequested() {
        requests += 1
        if isEnding {
            // The end is under way without it; a second one means that it takes too long.
            if requests > 1 { isHurried = true }
        } else if core.stopping == nil {
            beginDraining()
        } else if core.stopping?.abortAt == nil {
            beginCancelling()
        } else {
            abort()
        }
    }

    private func beginDraining() {
        let now = MonotonicTime.now
        let stopping = Stopping(since: now, deadline: now.advanced(by: loop.grace))
        loop.drain(stopping)
        stepTimer = core.timers.add(
            stopping.deadline, .call { [weak self] in self?.beginCancelling() })
    }

    private func beginCancelling() {
        _ = core.timers.cancel(stepTimer)
        let limit = MonotonicTime.now.advanced(by: min(loop.grace, Stopping.patience))
        loop.cancelWork(abortAt: limit)
        cancelRoot()
        stepTimer = core.timers.add(limit, .call { [weak self] in self?.abort() })
    }

    private func abort() {
        _ = core.timers.cancel(stepTimer)
        reportLate(.cancelling)
        for follower in core.followers { follower.stop() }
        core.followers = []
        loop.stopRequest.isSet = true
    }
}

extension EventLoop {
    /// Closes listeners here and on the loops that stop with this one; on the loop's thread.
    func drain(_ stopping: Stopping) {
        guard core.stopping == nil else { return }
        core.stopping = stopping
        core.endSince = stopping.since
        for participant in core.participants.all { participant.drain() }
        for follower in core.followers { follower.postFirst { follower.drain(stopping) } }
    }

    /// Cancels what was spawned and what is open, likewise.
    func cancelWork(abortAt limit: MonotonicTime) {
        guard core.stopping?.abortAt == nil else { return }
        core.stopping?.abortAt = limit
        core.late += core.holdups(.draining, tasks: work.living)
        work.cancelAll()
        for participant in core.participants.all { participant.cancel() }
        for follower in core.followers {
            follower.postFirst { follower.cancelWork(abortAt: limit) }
        }
    }

    /// Lets `loops` stop with this one. On this loop's thread.
    func follow(_ loops: [EventLoop]) {
        core.followers += loops
        guard let stopping = core.stopping else { return }
        for follower in loops {
            follower.postFirst {
                follower.drain(stopping)
                if let limit = stopping.abortAt { follower.cancelWork(abortAt: limit) }
            }
        }
    }

    // MARK: From outside

    /// Reports from another thread if this loop has not come round when its time is up.
    ///
    /// On any thread; the first call counts.
    func watchShutdown() {
        stopAsked.withLock { $0 = $0 ?? .now }
        let deadline = MonotonicTime.now.advanced(by: grace)
        watch.withLock { watch in
            guard case .none = watch else { return }
            watch = .set(StuckWatch.shared.add(deadline) { [weak self] in self?.probe() })
        }
    }

    func unwatchShutdown() {
        let old = watch.withLock { watch in
            defer { watch = .over }
            return watch
        }
        if case .set(let id) = old { StuckWatch.shared.remove(id) }
    }

    enum Watch {
        case none, set(Int), over
    }

    /// A loop that still turns answers at once, and reports for itself.
    private func probe() {
        let answer = Answer()
        guard post({ answer.hasCome.store(true, ordering: .relaxed) }) else { return }
        let limit = MonotonicTime.now.advanced(by: .seconds(1))
        let id = StuckWatch.shared.add(limit) { [weak self] in
            guard let self, !answer.hasCome.load(ordering: .relaxed) else { return }
            var report = ShutdownReport(loop: self.name)
            report.isThreadHeld = true
            report.elapsed = self.grace
            report.holdups = self.work.living.map { .init($0, .cancelling) }
            self.deliver(report)
        }
        let isOver = watch.withLock { watch in
            if case .over = watch { return true }
            watch = .set(id)
            return false
        }
        if isOver { StuckWatch.shared.remove(id) }
    }

    private final class Answer: Sendable {
        let hasCome = Atomic(false)
    }

    /// Passes a report to whom it was promised, else logs one that names somebody.
    func deliver(_ report: ShutdownReport) {
        if let onReport {
            onReport(report)
        } else if !report.holdups.isEmpty || report.isThreadHeld {
            Log.logger.warning("\(report)")
        }
    }
}
