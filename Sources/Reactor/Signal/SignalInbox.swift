// What one listener has been told and has not taken yet.

/// One bit for each signal: like the kernel's own note of a pending signal, it says that it came,
/// not how often.
final class SignalInbox: Sendable {
    enum Outcome: Sendable {
        case signal(Int32)
        case failed(ReactorError)
        case cancelled
    }

    let mask: SignalMask
    /// Called on the dispatcher's thread instead of filling the inbox; must not block.
    private let handler: (@Sendable (Int32) -> Void)?

    private struct State {
        var pending: SignalMask = []
        /// The one taken last: the search for the next begins behind it, so that signals that keep
        /// coming take turns.
        var last: Int32 = 0
        var waiter: RemoteWait<Outcome>?
    }

    private let state = Locked(State())

    init(_ mask: SignalMask, handler: (@Sendable (Int32) -> Void)? = nil) {
        self.mask = mask
        self.handler = handler
    }

    /// On the dispatcher's thread.
    func receive(_ arrived: SignalMask) {
        let mine = arrived.intersection(mask)
        if mine.isEmpty { return }
        if let handler { return mine.numbers.forEach(handler) }
        let wake = state.withLock { state -> (RemoteWait<Outcome>, Int32)? in
            state.pending.formUnion(mine)
            guard let waiter = state.waiter, let number = take(&state) else { return nil }
            state.waiter = nil
            return (waiter, number)
        }
        if let (waiter, number) = wake { waiter.settle(.signal(number)) }
    }

    private func take(_ state: inout State) -> Int32? {
        guard let number = state.pending.number(after: state.last) else { return nil }
        state.pending.remove(SignalMask(number: number))
        state.last = number
        return number
    }

    /// Gives the next signal to `wait`, now or when it comes.
    func park(_ wait: RemoteWait<Outcome>) {
        let outcome = state.withLock { state -> Outcome? in
            if state.waiter != nil { return .failed(ReactorError(.busy, "wait for a signal")) }
            if let number = take(&state) { return .signal(number) }
            // Set under no lock, but before `end` is called, which takes it.
            if wait.isCancelled.load(ordering: .acquiring) { return .cancelled }
            state.waiter = wait
            return nil
        }
        if let outcome { wait.settle(outcome) }
    }

    /// Ends a wait that may be parked, or may have its signal already.
    func end(_ wait: RemoteWait<Outcome>, _ outcome: Outcome) {
        let isParked = state.withLock { state in
            guard state.waiter === wait else { return false }
            state.waiter = nil
            return true
        }
        if isParked { wait.settle(outcome) }
    }
}

/// A task's wait for a signal, as its loop's shutdown sees it.
///
/// Unchecked: what is not constant is touched on the loop's thread alone.
final class SignalWait: ShutdownParticipant, @unchecked Sendable {
    let wait = RemoteWait<SignalInbox.Outcome>()
    private let inbox: SignalInbox
    /// The loop that the waiting task belongs to; `nil` for one that belongs to none.
    private let loop: EventLoop?
    /// Touched on the loop's thread alone, like the place in its list.
    private var isOver = false

    init(_ inbox: SignalInbox) {
        self.inbox = inbox
        loop = EventLoop.current ?? HomeLoop.current
    }

    /// Waits for the next signal, cancellation, or the end of the loop.
    func run() async -> SignalInbox.Outcome {
        let outcome = await withTaskCancellationHandler {
            await wait.suspend { begin() }
        } onCancel: {
            wait.isCancelled.store(true, ordering: .releasing)
            inbox.end(wait, .cancelled)
        }
        onLoop { wait in
            wait.isOver = true
            wait.loop?.core.participants.leave(wait)
        }
        return outcome
    }

    private func begin() {
        inbox.park(wait)
        let isOpen = onLoop { wait in
            if wait.isOver { return }
            if wait.loop?.core.isClosed == true { return wait.shutDown() }
            wait.loop?.core.participants.join(wait)
        }
        if !isOpen { shutDown() }
    }

    /// False if the loop has ended.
    @discardableResult
    private func onLoop(_ body: @escaping @Sendable (SignalWait) -> Void) -> Bool {
        guard let loop else { return true }
        if loop.isCurrent {
            body(self)
            return true
        }
        return loop.post { body(self) }
    }

    override var shutdownName: String { "a listener for signals" }

    override var shutdownWait: String? {
        inbox.mask.numbers.map { "\(Signal(rawValue: $0))" }.joined(separator: ", ")
    }

    override var inspectedKind: String { "signals" }

    override func eachWait(_ visit: (ParkedWait) -> Void) {
        visit(ParkedWait(shutdownWait ?? "a signal", wait, since: openSince))
    }

    override func shutDown() {
        if let loop, loop.isCurrent { loop.core.participants.leave(self) }
        inbox.end(wait, .failed(ReactorError(.loopClosed, "wait for a signal")))
    }
}
