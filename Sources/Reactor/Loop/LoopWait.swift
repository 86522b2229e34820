// A wait for what any thread may bring, which ends with its task's loop.

/// A task's wait that whoever has the value settles. Its cancellation ends it, and so does the
/// shutdown of the loop that the task waits on.
///
/// Unchecked: what is not constant is touched on the loop's thread alone.
final class LoopWait<Value: Sendable>: ShutdownParticipant, @unchecked Sendable {
    private let wait = RemoteWait<Value>()
    /// The loop on whose thread the wait began, elsewhere the task's home; `nil` without any.
    private let loop = EventLoop.current ?? HomeLoop.current
    /// For people: `a look-up of example.org`.
    private let subject: @Sendable () -> String
    /// Settles the wait where it is parked, and has it refused where it is not yet.
    private let leave: @Sendable (RemoteWait<Value>, WaitEnd) -> Void
    /// Touched on the loop's thread alone, like the place in its list.
    private var isOver = false

    init(
        for subject: @escaping @Sendable () -> String,
        leave: @escaping @Sendable (RemoteWait<Value>, WaitEnd) -> Void
    ) {
        self.subject = subject
        self.leave = leave
    }

    /// Parks the wait, and returns what it is settled with. `park` has to look at the wait's
    /// `isCancelled` under the lock under which `leave` sets it.
    func run(_ park: (RemoteWait<Value>) -> Void) async -> Value {
        let value = await withTaskCancellationHandler {
            await wait.suspend { begin(park) }
        } onCancel: {
            leave(wait, .cancelled)
        }
        onLoop { wait, loop in
            wait.isOver = true
            loop.core.participants.leave(wait)
        }
        return value
    }

    private func begin(_ park: (RemoteWait<Value>) -> Void) {
        park(wait)
        let isOpen = onLoop { wait, loop in
            if wait.isOver { return }
            if loop.core.isClosed { return wait.leave(wait.wait, .loopClosed) }
            loop.core.participants.join(wait)
        }
        if !isOpen { leave(wait, .loopClosed) }
    }

    /// False if the loop has ended.
    @discardableResult
    private func onLoop(_ body: @escaping @Sendable (LoopWait, EventLoop) -> Void) -> Bool {
        guard let loop else { return true }
        if loop.isCurrent {
            body(self, loop)
            return true
        }
        return loop.post { body(self, loop) }
    }

    override var inspectedKind: String { "wait" }

    override var shutdownName: String { "a wait for \(subject())" }

    override var shutdownWait: String? { subject() }

    override func eachWait(_ visit: (ParkedWait) -> Void) {
        visit(ParkedWait(subject(), wait, since: openSince))
    }

    override func shutDown() {
        loop?.core.participants.leave(self)
        isOver = true
        leave(wait, .loopClosed)
    }
}
