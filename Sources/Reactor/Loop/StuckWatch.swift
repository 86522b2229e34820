// Looks after loops that should have ended by now, from outside.

/// A task that never yields keeps its loop from doing anything, reporting included. So the limit of
/// a shutdown that has somebody to wait for is also watched by a thread of its own, one for the
/// process, which is gone when nothing shuts down.
final class StuckWatch: Sendable {
    static let shared = StuckWatch()

    private struct Entry {
        let deadline: MonotonicTime
        let call: @Sendable () -> Void
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var lastID = 0
        var isRunning = false
        var hasChanged = false
    }

    private enum Step {
        case call(@Sendable () -> Void)
        case again, leave
    }

    private let state = Monitor(State())

    /// Calls `call` at `deadline`, unless that is taken back.
    func add(_ deadline: MonotonicTime, _ call: @escaping @Sendable () -> Void) -> Int {
        var id = 0
        var mustStart = false
        state.signal { state in
            state.lastID += 1
            id = state.lastID
            state.entries[id] = Entry(deadline: deadline, call: call)
            state.hasChanged = true
            mustStart = !state.isRunning
            state.isRunning = true
        }
        if mustStart {
            do { try Thread.start(name: "reactor-watch") { self.serve() } } catch {
                // Without a thread nobody watches; the loop's own report is the usual case.
                state.withLock { $0.isRunning = false }
            }
        }
        return id
    }

    func remove(_ id: Int) {
        state.signal { state in
            state.entries[id] = nil
            state.hasChanged = true
        }
    }

    private func serve() {
        while true {
            let limit = state.withLock { state -> Duration in
                state.hasChanged = false
                let first = state.entries.values.map(\.deadline).min()
                return first.map { MonotonicTime.now.duration(to: $0) } ?? .seconds(1)
            }
            let step = state.wait(limit: max(limit, .zero)) { next(&$0) }
            switch step ?? state.withLock({ leave(&$0) }) {
            case .call(let call): call()
            case .again: break
            case .leave: return
            }
        }
    }

    private func next(_ state: inout State) -> Step? {
        let now = MonotonicTime.now
        if let due = state.entries.first(where: { $0.value.deadline <= now }) {
            state.entries[due.key] = nil
            return .call(due.value.call)
        }
        return state.hasChanged ? .again : nil
    }

    /// After a wait for nothing: a deadline has come, or nobody wants anything.
    private func leave(_ state: inout State) -> Step {
        state.isRunning = !state.entries.isEmpty
        return state.isRunning ? .again : .leave
    }
}
