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
        let (seconds, attoseconds) = duration.components
        if seconds < 0 || attoseconds < 0 {
            let back = Self.nanoseconds(.zero - duration)
            return MonotonicTime(nanoseconds: nanoseconds > back ? nanoseconds - back : 0)
        }
        let (sum, overflow) = nanoseconds.addingReportingOverflow(Self.nanoseconds(duration))
        return overflow ? .distantFuture : MonotonicTime(nanoseconds: sum)
    }

    func duration(to other: MonotonicTime) -> Duration {
        other >= self
            ? .nanoseconds(Int64(clamping: other.nanoseconds - nanoseconds))
            : .zero - .nanoseconds(Int64(clamping: nanoseconds - other.nanoseconds))
    }

    /// A duration of zero or more in nanoseconds, rounded up, saturating.
    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return seconds == .min ? .max : 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return .max }
        let part = (UInt64(attoseconds) + 999_999_999) / 1_000_000_000
        let (sum, again) = whole.addingReportingOverflow(part)
        return again ? .max : sum
    }
}
