// State that only its loop's thread may touch, and the way to it from elsewhere.

/// A reference to loop-confined state that may be sent anywhere and opened only on the loop.
///
/// This check is what makes the data path free of locks. It costs 3 ns; awaiting an actor pinned
/// to the loop costs 310.
///
/// Unchecked: the state is handed out on the loop's thread only, in release builds too.
struct LoopBound<State: AnyObject>: @unchecked Sendable {
    let loop: EventLoop
    private let state: State

    /// On the loop's thread, which owns `state` from the start.
    init(_ state: State, on loop: EventLoop) {
        precondition(loop.isCurrent, "loop-bound state made off its loop")
        self.loop = loop
        self.state = state
    }

    /// The state, where the caller runs on the loop's thread.
    @inline(__always)
    var ifHere: State? { loop.isCurrent ? state : nil }

    /// The state; a trap elsewhere.
    @inline(__always)
    var here: State {
        precondition(loop.isCurrent, "loop-bound state touched off its loop")
        return state
    }

    /// What `read` takes from the state, from anywhere: of its `let`s only.
    func constant<Value: Sendable>(_ read: (State) -> Value) -> Value { read(state) }

    /// Runs `body` on the loop: at once where the caller is there, else as soon as it gets to it.
    /// False if the loop has ended; `body` has not run then, and never will.
    @discardableResult
    func carry(_ body: @escaping @Sendable (State) -> Void) -> Bool {
        if loop.isCurrent {
            body(state)
            return true
        }
        return loop.post { body(here) }
    }

    /// Waits for something that `park` arranges on the loop, here or carried there.
    ///
    /// `park` gets the waiter, its identity, and whether the caller is cancelled by then; `cancel`
    /// may come at any time after it, or never.
    func wait<Value>(
        ifLoopEnded ended: Value,
        park: @escaping @Sendable (State, Waiter<Value>, WaitID, _ isCancelled: Bool) -> Void,
        cancel: @escaping @Sendable (State, WaitID) -> Void
    ) async -> Value {
        guard loop.isCurrent else {
            return await waitElsewhere(ifLoopEnded: ended, park: park, cancel: cancel)
        }
        let id = loop.core.nextWait()
        return await suspend(onCancel: { carry { cancel($0, id) } }) { suspension in
            if let state = ifHere {
                park(state, .here(suspension), id, Task.isCancelled)
            } else {
                parkFromElsewhere(suspension, id, ended, park, cancel)
            }
        }
    }

    /// A task begun by `Task.immediate` on the loop's thread leaves for its own executor where it
    /// first may, which is after the look at where it is: what it was about to do is carried back.
    @inline(never)
    func parkFromElsewhere<Value>(
        _ suspension: Suspension<Value>, _ id: WaitID, _ ended: Value,
        _ park: @escaping @Sendable (State, Waiter<Value>, WaitID, _ isCancelled: Bool) -> Void,
        _ cancel: @escaping @Sendable (State, WaitID) -> Void
    ) {
        let isCancelled = Task.isCancelled
        guard loop.post({ park(here, .here(suspension), id, isCancelled) }) else {
            return suspension.resume(ended)
        }
        // Cancelled since: the handler's call may have been sent before the one above.
        if Task.isCancelled { loop.post { cancel(here, id) } }
    }

    /// Waits away from the loop for something that `park` arranges on it.
    ///
    /// `park` gets the waiter, its identity, and whether the caller is cancelled by then; `cancel`
    /// may come at any time after it, or never.
    func waitElsewhere<Value>(
        ifLoopEnded ended: Value,
        park: @escaping @Sendable (State, Waiter<Value>, WaitID, _ isCancelled: Bool) -> Void,
        cancel: @escaping @Sendable (State, WaitID) -> Void
    ) async -> Value {
        let wait = RemoteWait<Value>()
        return await withTaskCancellationHandler {
            await wait.suspend {
                let sent = loop.post {
                    park(
                        here, .elsewhere(wait), WaitID(wait),
                        wait.isCancelled.load(ordering: .acquiring))
                }
                if !sent { wait.settle(ended) }
            }
        } onCancel: {
            wait.isCancelled.store(true, ordering: .releasing)
            loop.post { cancel(here, WaitID(wait)) }
        }
    }
}
