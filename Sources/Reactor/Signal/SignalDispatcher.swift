// Who listens for which signal, and the one thread that tells them.
//
// Signals belong to the process, not to a loop: a loop may be busy or end while others listen on.
// So a thread of its own passes them on; it lives for as long as anybody listens. It is also the
// one thread that surely does not block them: a program whose threads all do, because it was
// started that way, is told all the same. docs/decisions/0008-signals.md compares the ways.

/// The listeners of this process, and the dispositions of the signals that they listen for.
final class SignalDispatcher: Sendable {
    static let shared = SignalDispatcher()

    private struct State {
        var inboxes: [ObjectIdentifier: SignalInbox] = [:]
        /// Listeners per signal.
        var counts: [Int32: Int] = [:]
        /// Whose disposition is ours: for a moment that of a signal nobody listens for any more.
        var installed: SignalMask = []
        var isRunning = false
        /// Changes of what is listened for, and how many of them the thread has seen.
        var changes = 0
        var seenChanges = 0

        var wanted: SignalMask {
            counts.keys.reduce(into: []) { $0.insert(SignalMask(number: $1)) }
        }
    }

    private let state = Monitor(State())

    /// When this returns, a signal sent next reaches the inbox.
    func add(_ inbox: SignalInbox) throws(ReactorError) {
        let failure = state.withLock { state -> ReactorError? in
            do throws(ReactorError) {
                try SignalHandler.prepare()
                try start(&state)
                try install(inbox.mask, &state)
                state.inboxes[ObjectIdentifier(inbox)] = inbox
                return nil
            } catch {
                return error
            }
        }
        // The thread, for it to accept what is new, or to leave where nobody listens.
        SignalHandler.wake()
        if let failure { throw failure }
    }

    private func start(_ state: inout State) throws(ReactorError) {
        if state.isRunning { return }
        try Thread.start(name: "reactor-signals") { self.serve() }
        state.isRunning = true
    }

    private func install(_ mask: SignalMask, _ state: inout State) throws(ReactorError) {
        var new: [Int32] = []
        do throws(ReactorError) {
            for number in mask.subtracting(state.installed).numbers {
                try SignalHandler.catch(number)
                new.append(number)
            }
        } catch {
            for number in new { SignalHandler.release(number) }
            throw error
        }
        state.installed.formUnion(mask)
        for number in mask.numbers { state.counts[number, default: 0] += 1 }
        state.changes += 1
    }

    /// Brings back the former disposition of each signal that this inbox was the last to want.
    func remove(_ inbox: SignalInbox) {
        let (change, orphans) = state.withLock { state in
            state.inboxes[ObjectIdentifier(inbox)] = nil
            var orphans: SignalMask = []
            for number in inbox.mask.numbers {
                let count = state.counts[number, default: 1] - 1
                state.counts[number] = count > 0 ? count : nil
                if count == 0 { orphans.insert(SignalMask(number: number)) }
            }
            state.changes += 1
            return (state.changes, orphans)
        }
        SignalHandler.wake()
        if orphans.isEmpty { return }
        // First the thread blocks them again: in a program that blocks them everywhere else they
        // would find it with a disposition that kills.
        _ = state.wait { !$0.isRunning || $0.seenChanges >= change ? () : nil }
        state.withLock { state in
            for number in orphans.numbers
            where state.counts[number] == nil
                && state.installed.contains(SignalMask(number: number))
            {
                SignalHandler.release(number)
                state.installed.remove(SignalMask(number: number))
            }
        }
    }

    private func serve() {
        SignalHandler.accept([])
        while true {
            SignalHandler.wait()
            var inboxes: [SignalInbox] = []
            var arrived: SignalMask = []
            var isOver = false
            state.broadcast { state in
                SignalHandler.accept(state.wanted)
                state.seenChanges = state.changes
                arrived = SignalHandler.take()
                inboxes = Array(state.inboxes.values)
                isOver = state.counts.isEmpty
                if isOver { state.isRunning = false }
            }
            if isOver { return }
            for inbox in inboxes { inbox.receive(arrived) }
        }
    }
}
