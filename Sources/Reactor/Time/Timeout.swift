// Time limits on anything that can be cancelled.

internal import Synchronization

/// Runs `body` for at most `duration`, and throws ``TimeoutError`` if it needed longer.
///
/// When the time is up `body` is cancelled and awaited: it may still clean up, and if it returns
/// a value in spite of it, that is the result. It is one task, keeps the caller's isolation and
/// may use what the caller borrowed; task-local values are inherited. A body that ignores
/// cancellation is not cut short.
///
/// Every call of this library that waits inside ends as it does when its task is cancelled: what
/// its documentation says of cancelling is what a deadline does to it.
///
/// Scopes nest: each throws for its own limit only, so an error says which one has passed. A
/// cancelled caller gets its `CancellationError`. With a duration of zero or less `body` does not
/// run.
///
/// - Parameters:
///   - duration: How long `body` may take.
///   - isolation: The caller's, as a rule left out.
///   - body: The work. ``Deadline/current`` tells it when its time ends.
/// - Throws: ``TimeoutError``; otherwise what `body` throws, unchanged. ``ReactorError`` with
///   ``ReactorError/Code/loopClosed`` if the loop that measures the time shuts down.
///
/// libuv: `uv_timer_start`.
public func withTimeout<Result>(
    _ duration: Duration, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result
) async throws -> Result {
    try await withDeadline(.after(duration), isolation: isolation, body)
}

/// Runs `body` until `deadline` at the latest, and throws ``TimeoutError`` if it needed longer.
///
/// Everything said of ``withTimeout(_:isolation:_:)`` holds, of cancelling too. With a deadline
/// that has passed `body` does not run.
///
/// - Parameters:
///   - deadline: When the time is up.
///   - isolation: The caller's, as a rule left out.
///   - body: The work. ``Deadline/current`` tells it when its time ends: then, or earlier if an
///     outer scope's does.
/// - Throws: ``TimeoutError``; otherwise what `body` throws, unchanged. ``ReactorError`` with
///   ``ReactorError/Code/loopClosed`` if the loop that measures the time shuts down.
///
/// libuv: `uv_timer_start`.
public func withDeadline<Result>(
    _ deadline: Deadline, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result
) async throws -> Result {
    if deadline.hasPassed {
        try Task.checkCancellation()
        throw TimeoutError()
    }
    return try await withoutActuallyEscaping(body) { body in
        let scope = TimeoutScope(body, deadline, isCancelled: Task.isCancelled)
        if let loop = EventLoop.current {
            await scope.runHere(loop, isolation)
        } else {
            await scope.runElsewhere(try .forNewObjects(), isolation)
        }
        return try scope.outcome(callerIsCancelled: Task.isCancelled)
    }
}

/// One run of a body under a deadline.
///
/// Unchecked: the body and its result belong to the caller, who waits. The task that runs it is the
/// caller in all but name, isolation included, and ends before the caller goes on.
private final class TimeoutScope<Value>: @unchecked Sendable {
    /// Made when the body turns out to need a timer.
    private var bell: TimeoutBell?
    private let deadline: Deadline
    private let isCancelledAtStart: Bool
    private var body: (() async throws -> Value)?
    private var result: Result<Value, any Error>?
    private let isDone = Atomic(false)

    init(_ body: @escaping () async throws -> Value, _ deadline: Deadline, isCancelled: Bool) {
        self.body = body
        self.deadline = deadline
        isCancelledAtStart = isCancelled
    }

    /// On a loop the body starts at once: the timer could not fire before it suspends, so one
    /// that never suspends needs none.
    func runHere(_ loop: EventLoop, _ isolation: isolated (any Actor)?) async {
        let task = Task.immediate(executorPreference: CurrentTask.executor) {
            _ = isolation
            await self.run(isolation)
        }
        if isDone.load(ordering: .acquiring) { return }
        let bell = TimeoutBell()
        self.bell = bell
        let timer = bell.start(on: loop, deadline, cancelling: task)
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        if loop.isCurrent {
            bell.stop(timer, on: loop)
        } else {
            loop.post { bell.stop(timer, on: loop) }
        }
    }

    /// Off the loops the timer runs on another thread from the start: a body that computes, and
    /// looks at `Task.isCancelled` now and then, is told in time.
    func runElsewhere(_ loop: EventLoop, _ isolation: isolated (any Actor)?) async {
        let task = Task(executorPreference: CurrentTask.executor) {
            _ = isolation
            await self.run(isolation)
        }
        let bell = TimeoutBell()
        self.bell = bell
        let timer = RemoteTimer()
        let sent = loop.post { [deadline] in
            if !timer.isOver { timer.id = bell.start(on: loop, deadline, cancelling: task) }
        }
        if !sent { bell.ring(.loopClosed, task) }
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        loop.post {
            timer.isOver = true
            bell.stop(timer.id, on: loop)
        }
    }

    private func run(_ isolation: isolated (any Actor)?) async {
        if isCancelledAtStart { CurrentTask.cancel() }
        if Debugging.isOn, let loop = EventLoop.current { loop.core.noteStep(of: .current) }
        let inner = DeadlineValue.current.map { min($0, deadline) } ?? deadline
        do {
            let value = try await DeadlineValue.$current.withValue(inner) {
                try await body.take()!()
            }
            result = .success(value)
        } catch {
            result = .failure(error)
        }
        isDone.store(true, ordering: .releasing)
    }

    /// A cancellation is this scope's own doing if its bell has rung and nobody cancelled the
    /// caller. An outer scope whose time came first has cancelled the caller.
    func outcome(callerIsCancelled: Bool) throws -> Value {
        switch result.take()! {
        case .success(let value): return value
        case .failure(let error):
            guard error is CancellationError, !callerIsCancelled, let end = bell?.end else {
                throw error
            }
            if end == .loopClosed { throw ReactorError(.loopClosed, "measure a time limit") }
            throw TimeoutError()
        }
    }
}

/// What the timer of a scope sets off.
///
/// Unchecked: `state` is atomic, the rest belongs to the timer's loop.
private final class TimeoutBell: Bell, @unchecked Sendable {
    /// Zero until it has rung, then 1 for the deadline and 2 for the loop's end.
    private let state = Atomic(0)
    private var task: Task<Void, Never>?
    private let caller = TaskIdentity.current

    var tasks: (principal: TaskIdentity?, deputy: TaskIdentity?) {
        (caller, task.map { TaskIdentity($0) })
    }

    /// How it has rung; `nil` if it has not.
    var end: WaitEnd? {
        switch state.load(ordering: .acquiring) {
        case 1: .done
        case 2: .loopClosed
        default: nil
        }
    }

    func start(
        on loop: EventLoop, _ deadline: Deadline, cancelling task: Task<Void, Never>
    ) -> TimerID {
        if loop.core.isClosed {
            ring(.loopClosed, task)
            return .none
        }
        self.task = task
        return loop.core.timers.add(deadline.instant.time, .ring(self))
    }

    func stop(_ timer: TimerID, on loop: EventLoop) {
        _ = loop.core.timers.cancel(timer)
        task = nil
    }

    func ring(_ end: WaitEnd) {
        if let task { ring(end, task) }
    }

    func ring(_ end: WaitEnd, _ task: Task<Void, Never>) {
        state.store(end == .loopClosed ? 2 : 1, ordering: .releasing)
        task.cancel()
    }
}

/// A timer of a scope that is on no loop.
///
/// Unchecked: touched on the timer's loop only.
private final class RemoteTimer: @unchecked Sendable {
    var id = TimerID.none
    var isOver = false
}
