// Every deadline of one loop, in a heap of its own over the single `uv_timer_t` that wakes it.
//
// libuv's own timers will not do: its clock is floored to milliseconds, so they may fire early
// (PITFALLS D5), one that re-arms itself starves the loop (D4), and each costs a handle. Here a
// timer is a slot in an array; what is due is decided by CLOCK_MONOTONIC in nanoseconds, outside
// libuv's callbacks.

/// What happens when a deadline comes.
enum TimerAction {
    case wake(Waiter<WaitEnd>)
    case call(() -> Void)
}

/// How a wait for time ended.
enum WaitEnd: Sendable {
    case done, cancelled, loopClosed
}

/// Names one timer; harmless once the timer is gone.
struct TimerID: Hashable, Sendable {
    fileprivate let slot: Int32
    /// Never used twice on one loop.
    fileprivate let order: UInt64
    static let none = TimerID(slot: -1, order: 0)
}

/// A four-way heap of (deadline, order) with the position of each timer kept in its slot, so that
/// cancelling needs no search. Sixteen bytes an entry: four children share a cache line.
final class TimerQueue {
    private struct Entry {
        let deadline: UInt64
        /// The order of creation in the upper 36 bits, the slot in the lower 28.
        let key: UInt64
        var slot: Int { Int(key & 0xFFF_FFFF) }
        @inline(__always)
        static func < (left: Entry, right: Entry) -> Bool {
            left.deadline != right.deadline
                ? left.deadline < right.deadline : left.key < right.key
        }
    }

    private struct Slot {
        var action: TimerAction?
        var order: UInt64 = 0
        /// The place in the heap, or the next free slot.
        var link: Int32 = -1
    }

    private var heap: [Entry] = []
    private var slots: [Slot] = []
    private var firstFree: Int32 = -1
    private var order: UInt64 = 0
    private let uv: UVLoop
    private var timer: UVTimer?
    /// What `timer` is set for; `.max` when it is not.
    private var armed = UInt64.max
    private let alarm = Alarm()

    /// Set in libuv's callback, read after the poll.
    private final class Alarm { var hasRung = false }

    init(on uv: UVLoop) { self.uv = uv }

    var count: Int { heap.count }

    // MARK: Adding and cancelling

    func add(_ deadline: MonotonicTime, _ action: consuming TimerAction) -> TimerID {
        let slot: Int
        if firstFree >= 0 {
            slot = Int(firstFree)
            firstFree = slots[slot].link
        } else {
            slot = slots.count
            precondition(slot <= 0xFFF_FFFF, "more than 268 million timers on one loop")
            slots.append(Slot())
        }
        order &+= 1
        slots[slot].action = action
        slots[slot].order = order
        heap.append(
            Entry(deadline: deadline.nanoseconds, key: order << 28 | UInt64(slot)))
        siftUp(from: heap.count - 1)
        return TimerID(slot: Int32(slot), order: order)
    }

    /// Takes a timer out and returns what it would have done; `nil` if it is done already.
    func cancel(_ id: TimerID) -> TimerAction? {
        let slot = Int(id.slot)
        guard slot >= 0, slot < slots.count, slots[slot].order == id.order,
            slots[slot].action != nil
        else { return nil }
        remove(at: Int(slots[slot].link))
        return free(slot)
    }

    private func free(_ slot: Int) -> TimerAction? {
        let action = slots[slot].action.take()
        slots[slot].link = firstFree
        firstFree = Int32(slot)
        if heap.isEmpty { shrink() }
        return action
    }

    /// Gives memory back after a crowd has left.
    private func shrink() {
        guard slots.count > 4096 else { return }
        slots = []
        heap = []
        firstFree = -1
    }

    // MARK: Firing

    /// Sets the libuv timer for the earliest deadline. Called once a turn, before the poll.
    @inline(__always)
    func arm() {
        guard let first = heap.first else { return }
        if first.deadline < armed { arm(for: first.deadline) }
    }

    private func arm(for deadline: UInt64) {
        if timer == nil {
            timer = UVTimer(on: uv) { [alarm] in alarm.hasRung = true }
        }
        uv.refreshClock()
        // libuv compares floored milliseconds: the deadline's are rounded up to meet them.
        let due = deadline / 1_000_000 + (deadline % 1_000_000 == 0 ? 0 : 1)
        let now = uv.nowMilliseconds
        // A day at most: later deadlines are armed again then, and nothing overflows.
        timer?.start(milliseconds: min(due > now ? due - now : 0, 86_400_000))
        armed = deadline
    }

    /// Acts on every deadline that has come, where libuv's timer has rung. At most those that were
    /// due at the start: a timer set from here waits for the next turn.
    @inline(__always)
    func fireDue() {
        if alarm.hasRung { fire() }
    }

    private func fire() {
        alarm.hasRung = false
        armed = .max
        let now = MonotonicTime.now.nanoseconds
        let newest = order
        while let first = heap.first, first.deadline <= now, first.key >> 28 <= newest {
            remove(at: 0)
            switch free(first.slot) {
            case .wake(let waiter): waiter.resume(.done)
            case .call(let call): call()
            case nil: break
            }
        }
    }

    /// Ends every wait with `loopClosed`, drops every call, closes the libuv timer.
    func shutDown() {
        while let first = heap.first {
            remove(at: 0)
            if case .wake(let waiter) = free(first.slot) { waiter.resume(.loopClosed) }
        }
        timer?.close()
        timer = nil
    }

    // MARK: The heap

    private func remove(at index: Int) {
        let last = heap.removeLast()
        guard index < heap.count else { return }
        heap[index] = last
        slots[last.slot].link = Int32(index)
        if index > 0, last < heap[(index - 1) >> 2] {
            siftUp(from: index)
        } else {
            siftDown(from: index)
        }
    }

    private func siftUp(from start: Int) {
        var index = start
        let entry = heap[index]
        while index > 0 {
            let parent = (index - 1) >> 2
            guard entry < heap[parent] else { break }
            heap[index] = heap[parent]
            slots[heap[index].slot].link = Int32(index)
            index = parent
        }
        heap[index] = entry
        slots[entry.slot].link = Int32(index)
    }

    private func siftDown(from start: Int) {
        var index = start
        let entry = heap[index]
        let count = heap.count
        while true {
            let first = index << 2 + 1
            guard first < count else { break }
            var least = first
            for child in (first + 1)..<min(first + 4, count) where heap[child] < heap[least] {
                least = child
            }
            guard heap[least] < entry else { break }
            heap[index] = heap[least]
            slots[heap[index].slot].link = Int32(index)
            index = least
        }
        heap[index] = entry
        slots[entry.slot].link = Int32(index)
    }
}
