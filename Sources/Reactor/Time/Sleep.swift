// Pauses that stay on the loop.

extension EventLoop {
    /// Suspends the current task until `duration` has passed, never less.
    ///
    /// Anything up to zero returns at once, but lets others run first; a duration too long for the
    /// clock means for ever. Cancelling ends the wait at once with `CancellationError`. Runs on the
    /// current loop's timers, elsewhere on those of the task's home loop or a shared one.
    ///
    /// - Throws: `CancellationError`; ``ReactorError/Code/loopClosed`` if the loop shuts down.
    ///
    /// libuv: `uv_timer_start`, one timer for all sleeps of a loop.
    public static func sleep(for duration: Duration) async throws {
        try await pause(until: MonotonicTime.now.advanced(by: duration))
    }

    /// Suspends the current task until `deadline`, never less: as ``sleep(for:)``, and a deadline
    /// that has passed is a duration of zero.
    ///
    /// Repeated sleeps until computed points do not drift.
    ///
    /// - Throws: `CancellationError`; ``ReactorError/Code/loopClosed`` if the loop shuts down.
    ///
    /// libuv: `uv_timer_start`, one timer for all sleeps of a loop.
    public static func sleep(until deadline: LoopClock.Instant) async throws {
        try await pause(until: deadline.time)
    }

    private static func pause(until deadline: MonotonicTime) async throws {
        try Task.checkCancellation()
        let now = MonotonicTime.now
        if deadline <= now { return await Task.yield() }
        guard let loop = current else { return try await pauseElsewhere(until: deadline) }
        try await loop.sleepHere(until: deadline, from: CoarseTime(now)).check()
    }

    @inline(never)
    private static func pauseElsewhere(until deadline: MonotonicTime) async throws {
        try await forNewObjects().sleepElsewhere(until: deadline).check()
    }

    @inline(__always)
    private func sleepHere(until deadline: MonotonicTime, from now: CoarseTime) async -> WaitEnd {
        // The name comes first, so that the cancellation handler can hold it: no box is allocated.
        guard let id = reserveTimer() else { return .loopClosed }
        return await suspend(onCancel: {
            if isCurrent { wakeCancelled(id) } else { post { self.wakeCancelled(id) } }
        }) {
            start(id, deadline, $0, now)
        }
    }

    private func reserveTimer() -> TimerID? {
        let core = core
        return core.isClosed ? nil : core.timers.reserve()
    }

    private func start(
        _ id: TimerID, _ deadline: MonotonicTime, _ sleeper: Suspension<WaitEnd>, _ now: CoarseTime
    ) {
        if isCurrent {
            start(id, deadline, sleeper, now, isCancelled: Task.isCancelled)
        } else {
            // A task begun by `Task.immediate` has left for its own executor since it looked where
            // it was: see `LoopBound.parkFromElsewhere`.
            let isCancelled = Task.isCancelled
            let sent = post { self.start(id, deadline, sleeper, now, isCancelled: isCancelled) }
            guard sent else { return sleeper.resume(.loopClosed) }
            if Task.isCancelled { post { self.wakeCancelled(id) } }
        }
    }

    private func start(
        _ id: TimerID, _ deadline: MonotonicTime, _ sleeper: Suspension<WaitEnd>, _ now: CoarseTime,
        isCancelled: Bool
    ) {
        if core.isClosed {
            sleeper.resume(.loopClosed)
        } else if isCancelled {
            core.timers.release(id)
            sleeper.resume(.cancelled)
        } else {
            core.timers.start(id, deadline, .wake(.here(sleeper)), at: now)
        }
    }

    private func wakeCancelled(_ id: TimerID) {
        if case .wake(let waiter) = core.timers.cancel(id) { waiter.resume(.cancelled) }
    }

    private func sleepElsewhere(until deadline: MonotonicTime) async -> WaitEnd {
        let sleep = RemoteSleep()
        return await withTaskCancellationHandler {
            await sleep.wait.suspend {
                let sent = post {
                    if sleep.wait.isCancelled.load(ordering: .acquiring) {
                        sleep.wait.settle(.cancelled)
                    } else if self.core.isClosed {
                        sleep.wait.settle(.loopClosed)
                    } else {
                        sleep.id = self.core.timers.add(
                            deadline, .wake(.elsewhere(sleep.wait)), at: CoarseTime(.now))
                    }
                }
                if !sent { sleep.wait.settle(.loopClosed) }
            }
        } onCancel: {
            sleep.wait.isCancelled.store(true, ordering: .releasing)
            post { self.wakeCancelled(sleep.id) }
        }
    }
}

/// A sleep of a task that is on no loop.
///
/// Unchecked: `id` is touched on the timer's loop only.
private final class RemoteSleep: @unchecked Sendable {
    let wait = RemoteWait<WaitEnd>()
    var id = TimerID.none
}

extension WaitEnd {
    /// Throws what ended the wait before its time.
    fileprivate func check() throws {
        switch self {
        case .done: return
        case .cancelled: throw CancellationError()
        case .loopClosed: throw ReactorError(.loopClosed, "sleep")
        }
    }
}
