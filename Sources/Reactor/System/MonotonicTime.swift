// CLOCK_MONOTONIC in nanoseconds: what every deadline here is measured by.

internal import CReactor

/// A point on the monotonic clock. The far future is a point like any other: arithmetic saturates.
struct MonotonicTime: Comparable, Hashable, Sendable {
    let nanoseconds: UInt64

    static var now: MonotonicTime {
        @inline(__always) get { MonotonicTime(nanoseconds: reactor_now()) }
    }

    static let distantFuture = MonotonicTime(nanoseconds: .max)

    static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Never earlier than asked: parts of a nanosecond count as one.
    func advanced(by duration: Duration) -> MonotonicTime {
        // Not `components`, which traps for durations beyond Int64 seconds.
        let attoseconds = duration.attoseconds
        if attoseconds < 0 {
            let back = UInt64(clamping: attoseconds.magnitude / 1_000_000_000)
            return MonotonicTime(nanoseconds: nanoseconds > back ? nanoseconds - back : 0)
        }
        let forth: UInt64
        if let few = UInt64(exactly: attoseconds) {
            // Up to 18 seconds: no division of 128 bits.
            forth = few / 1_000_000_000 + (few % 1_000_000_000 == 0 ? 0 : 1)
        } else {
            let (whole, part) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            let clamped = UInt64(clamping: whole)
            forth = part == 0 || clamped == .max ? clamped : clamped + 1
        }
        let (sum, overflow) = nanoseconds.addingReportingOverflow(forth)
        return overflow ? .distantFuture : MonotonicTime(nanoseconds: sum)
    }

    func duration(to other: MonotonicTime) -> Duration {
        other >= self
            ? .nanoseconds(Int64(clamping: other.nanoseconds - nanoseconds))
            : .zero - .nanoseconds(Int64(clamping: nanoseconds - other.nanoseconds))
    }
}

/// The same to 17 ms, and for two years: for what there are many of, and little room in.
struct CoarseTime: Sendable {
    private let units: UInt32

    static let unknown = CoarseTime(MonotonicTime(nanoseconds: 0))

    @inline(__always)
    init(_ time: MonotonicTime) { units = UInt32(truncatingIfNeeded: time.nanoseconds >> 24) }

    /// How long ago it was.
    var age: Duration { .nanoseconds(Int64(CoarseTime(.now).units &- units) << 24) }

    /// When it was.
    var time: MonotonicTime { .now.advanced(by: .zero - age) }
}
