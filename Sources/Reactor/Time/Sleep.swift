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
        try await sleep(until: MonotonicTime.now.advanced(by: duration))
    }

    static func sleep(until deadline: MonotonicTime) async throws {
        try Task.checkCancellation()
        if deadline <= .now {
            await Task.yield()
            return
        }
        let outcome: WaitEnd
        if let loop = current {
            outcome = await loop.sleepHere(until: deadline)
        } else {
            outcome = await (try forNewObjects()).sleepElsewhere(until: deadline)
        }
        switch outcome {
        case .done: return
        case .cancelled: throw CancellationError()
        case .loopClosed: throw ReactorError(.loopClosed, "sleep")
        }
    }

    @inline(__always)
    private func sleepHere(until deadline: MonotonicTime) async -> WaitEnd {
        let timer = TimerSlot()
        return await withTaskCancellationHandler {
            await suspend { start(timer, deadline, .here($0), isCancelled: Task.isCancelled) }
        } onCancel: {
            if isCurrent { cancel(timer) } else { post { self.cancel(timer) } }
        }
    }

    private func sleepElsewhere(until deadline: MonotonicTime) async -> WaitEnd {
        let timer = TimerSlot()
        let wait = RemoteWait<WaitEnd>()
        return await withTaskCancellationHandler {
            await wait.suspend {
                let sent = post {
                    self.start(
                        timer, deadline, .elsewhere(wait),
                        isCancelled: wait.isCancelled.load(ordering: .acquiring))
                }
                if !sent { wait.settle(.loopClosed) }
            }
        } onCancel: {
            wait.isCancelled.store(true, ordering: .releasing)
            post { self.cancel(timer) }
        }
    }

    private func start(
        _ timer: TimerSlot, _ deadline: MonotonicTime, _ waiter: Waiter<WaitEnd>, isCancelled: Bool
    ) {
        if isCancelled { return waiter.resume(.cancelled) }
        let core = core
        if core.isClosed { return waiter.resume(.loopClosed) }
        timer.id = core.timers.add(deadline, .wake(waiter))
    }

    private func cancel(_ timer: TimerSlot) {
        if case .wake(let waiter) = core.timers.cancel(timer.id) { waiter.resume(.cancelled) }
    }
}

/// Where a sleep keeps its timer's name for its cancellation: touched on the loop's thread only.
private final class TimerSlot: @unchecked Sendable {
    var id = TimerID.none
}
