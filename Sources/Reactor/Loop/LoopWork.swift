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
    ///
    /// One word, and half of it the slot: a task that is submitted has room for no more without a
    /// second slab.
    struct EntryID: Sendable {
        private let word: UInt64

        fileprivate init(slot: Int, order: Int) {
            word = UInt64(UInt32(slot)) << 32 | UInt64(UInt32(truncatingIfNeeded: order))
        }

        fileprivate var slot: Int { Int(word >> 32) }

        fileprivate func names(_ entry: Entry) -> Bool {
            UInt32(truncatingIfNeeded: entry.order) == UInt32(truncatingIfNeeded: word)
        }
    }

    private struct State {
        /// Those that have ended stay until their slots are needed.
        var slots: [Entry] = []
        /// Slots to take; those that are taken, or gone, by then are passed over.
        var free: [Int] = []
        var living = 0
        var lastOrder = 0
        /// How many of `spawn` live.
        var spawned = 0
        var isCancelled = false
        var hooks: [ShutdownHook] = []
        var hooksAreOver = false

        func isCurrent(_ id: EntryID) -> Bool {
            id.slot < slots.count && id.names(slots[id.slot]) && slots[id.slot].ended == nil
        }

        mutating func takeFree() -> Int? {
            while let slot = free.popLast() {
                if slot < slots.count, slots[slot].ended != nil { return slot }
            }
            return nil
        }

        /// A crowd that has gone leaves its memory too.
        mutating func trim() {
            guard slots.count > Self.kept, slots[slots.count - 1].ended != nil else { return }
            while slots.count > Self.kept, slots[slots.count - 1].ended != nil {
                slots.removeLast()
            }
            guard slots.count < slots.capacity / 4 else { return }
            slots = slots.map { $0 }
            free = slots.indices.filter { slots[$0].ended != nil }
        }

        private static let kept = 1_024
    }

    private let state = Locked(State())

    // MARK: Coming and going

    @inline(never)
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
            state.living += 1
            if let slot = state.takeFree() {
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

    @inline(never)
    func leave(_ id: EntryID, turn: UInt64) {
        // Let go of outside the lock: it may be the last reference to a task.
        var cancel: (@Sendable () -> Void)?
        state.withLock { state in
            guard state.isCurrent(id) else { return }
            if state.slots[id.slot].kind == .spawn { state.spawned -= 1 }
            swap(&cancel, &state.slots[id.slot].cancel)
            state.slots[id.slot].ended = turn
            state.free.append(id.slot)
            state.living -= 1
            state.trim()
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

    var count: Int { state.withLock { $0.living } }

    /// How many slots there are, taken or free.
    var slotCount: Int { state.withLock { $0.slots.count } }

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
    /// The current task begins what was submitted, and is known by this name and place.
    @inline(never)
    func enter(_ name: String?, _ fileID: String, _ line: Int) -> LoopWork.EntryID {
        work.enter(.submit, name: name, SourcePlace(fileID, line), task: .current)
    }

    /// The end of a task; on this loop's thread, or anywhere once the loop has ended.
    @inline(never)
    func leave(_ entry: LoopWork.EntryID) {
        work.leave(entry, turn: isCurrent ? core.turns : .max)
    }
}
