// What was started on a loop and what its end must run: tasks and shutdown hooks.

/// The tasks of `run`, `spawn` and `submit` with their names, and the `onShutdown` hooks.
///
/// Behind a lock, so that a loop whose thread does not come back can be described from outside.
final class LoopWork: Sendable {
    /// A task that was started through this library.
    struct Entry {
        let kind: Kind
        let name: String?
        let place: SourcePlace
        let since: MonotonicTime
        /// Known once it has begun.
        fileprivate(set) var task: TaskIdentity?
        fileprivate var cancel: (@Sendable () -> Void)?
        /// Tells it from others that have had its slot.
        fileprivate let order: Int
        /// The turn in which it ended; `nil` while it lives.
        fileprivate var ended: UInt64?

        /// For people.
        var title: String { name ?? "\(place)" }
    }

    enum Kind: String, Sendable {
        case run, spawn, submit
    }

    /// Names an entry; harmless once it is gone.
    struct EntryID: Sendable {
        fileprivate let slot: Int
        fileprivate let order: Int
    }

    private struct State {
        /// Those that have ended stay until their slots are needed.
        var slots: [Entry] = []
        var free: [Int] = []
        var lastOrder = 0
        /// How many of `spawn` live.
        var spawned = 0
        var isCancelled = false
        var hooks: [ShutdownHook] = []
        var hooksAreOver = false

        func isCurrent(_ id: EntryID) -> Bool {
            slots[id.slot].order == id.order && slots[id.slot].ended == nil
        }
    }

    private let state = Locked(State())

    // MARK: Coming and going

    func enter(
        _ kind: Kind, name: String?, _ place: SourcePlace, task: TaskIdentity? = nil
    ) -> EntryID {
        let since = MonotonicTime.now
        return state.withLock { state in
            state.lastOrder += 1
            if kind == .spawn { state.spawned += 1 }
            let entry = Entry(
                kind: kind, name: name, place: place, since: since, task: task,
                order: state.lastOrder)
            if let slot = state.free.popLast() {
                state.slots[slot] = entry
                return EntryID(slot: slot, order: entry.order)
            }
            state.slots.append(entry)
            return EntryID(slot: state.slots.count - 1, order: entry.order)
        }
    }

    /// Called by the task when it begins.
    func begins(_ id: EntryID) {
        let task = TaskIdentity.current
        state.withLock { if $0.isCurrent(id) { $0.slots[id.slot].task = task } }
    }

    /// Tells how to cancel a task that has entered; it may have left already, or may have to be
    /// cancelled at once because the loop is shutting down.
    func setCancel(_ id: EntryID, _ cancel: @escaping @Sendable () -> Void) {
        let cancelNow = state.withLock { state in
            if state.isCurrent(id) { state.slots[id.slot].cancel = cancel }
            return state.isCancelled
        }
        if cancelNow { cancel() }
    }

    func leave(_ id: EntryID, turn: UInt64) {
        // Let go of outside the lock: it may be the last reference to a task.
        var cancel: (@Sendable () -> Void)?
        state.withLock { state in
            guard state.isCurrent(id) else { return }
            if state.slots[id.slot].kind == .spawn { state.spawned -= 1 }
            swap(&cancel, &state.slots[id.slot].cancel)
            state.slots[id.slot].ended = turn
            state.free.append(id.slot)
        }
    }

    /// Cancels every spawned task, those of the future included.
    func cancelAll() {
        let cancels = state.withLock { state in
            state.isCancelled = true
            return state.slots.compactMap(\.cancel)
        }
        for cancel in cancels { cancel() }
    }

    // MARK: Asking

    /// Every task that lives, the body of `run` first, then by age.
    var living: [Entry] {
        state.withLock { $0.slots.filter { $0.ended == nil } }.sorted {
            ($0.kind == .run ? 0 : $0.order) < ($1.kind == .run ? 0 : $1.order)
        }
    }

    /// The same without those that somebody waits for who called `submit`.
    var spawned: [Entry] { living.filter { $0.kind == .spawn } }

    var count: Int { state.withLock { $0.slots.count - $0.free.count } }

    var isIdle: Bool { state.withLock { $0.spawned == 0 } }

    /// The entry of a task that lives, or has ended in `turn`.
    func entry(of task: TaskIdentity, turn: UInt64) -> Entry? {
        state.withLock { state in
            let own = state.slots.filter { $0.task == task }
            return own.first { $0.ended == nil }
                ?? own.filter { $0.ended == turn }.max { $0.order < $1.order }
        }
    }

    // MARK: Hooks

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

extension EventLoop {
    /// The end of a task; on this loop's thread, or anywhere once the loop has ended.
    func leave(_ entry: LoopWork.EntryID) {
        work.leave(entry, turn: isCurrent ? core.turns : .max)
    }
}
