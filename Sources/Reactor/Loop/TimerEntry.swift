// A timer as the heap of the next ones knows it.

/// What the order needs to know of a timer.
struct TimerEntry {
    let deadline: UInt64
    let order: UInt64
    let slot: Int32

    @inline(__always)
    static func < (left: Self, right: Self) -> Bool {
        left.deadline != right.deadline ? left.deadline < right.deadline : left.order < right.order
    }
}
