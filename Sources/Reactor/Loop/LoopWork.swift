// What was started on a loop and what its end must run: spawned tasks and shutdown hooks.

/// The tasks of `spawn`, so that shutdown can cancel and await them, and the `onShutdown` hooks.
final class LoopWork: Sendable {
    struct Spawned {
        let name: String
        let since: MonotonicTime
        var cancel: (@Sendable () -> Void)?
    }

    private struct State {
        var spawned: [Int: Spawned] = [:]
        var root: Spawned?
        var lastID = 0
        var isCancelled = false
        var hooks: [ShutdownHook] = []
        var hooksAreOver = false
    }

    private let state = Locked(State())

    func enter(name: String) -> Int {
        state.withLock { state in
            state.lastID += 1
            state.spawned[state.lastID] = Spawned(name: name, since: .now)
            return state.lastID
        }
    }

    /// Tells how to cancel a task that has entered; it may have left already, or may have to be
    /// cancelled at once because the loop is shutting down.
    func setCancel(_ id: Int, _ cancel: @escaping @Sendable () -> Void) {
        let cancelNow = state.withLock { state in
            state.spawned[id]?.cancel = cancel
            return state.isCancelled
        }
        if cancelNow { cancel() }
    }

    func leave(_ id: Int) {
        state.withLock { _ = $0.spawned.removeValue(forKey: id) }
    }

    /// Cancels every spawned task, those of the future included.
    func cancelAll() {
        let cancels = state.withLock { state in
            state.isCancelled = true
            return state.spawned.values.compactMap(\.cancel)
        }
        for cancel in cancels { cancel() }
    }

    var living: [Spawned] {
        state.withLock { $0.spawned.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// The body of `run` before what was spawned.
    var livingWithRoot: [Spawned] {
        let root = state.withLock { $0.root }
        return (root.map { [$0] } ?? []) + living
    }

    func rootBegins(name: String) {
        state.withLock { $0.root = Spawned(name: name, since: .now) }
    }

    func rootHasEnded() { state.withLock { $0.root = nil } }

    var isIdle: Bool { state.withLock { $0.spawned.isEmpty } }

    /// False if the hooks have run: this one never will.
    func add(_ hook: ShutdownHook) -> Bool {
        state.withLock { state in
            if state.hooksAreOver { return false }
            state.hooks.append(hook)
            return true
        }
    }

    /// The next to run; when it is `nil` there is never another.
    func takeLastHook() -> ShutdownHook? {
        state.withLock { state in
            state.hooksAreOver = state.hooks.isEmpty
            return state.hooks.popLast()
        }
    }
}
