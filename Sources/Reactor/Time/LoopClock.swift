// The loops' clock for code that takes any `Clock`.

/// The monotonic clock that every deadline of this library is measured by, sleeping on event loops.
///
/// With it Swift's own time functions, and those of other packages, stay on the loop:
/// `Task.sleep(for: .seconds(1), clock: .loop)`. It does not run while the machine is suspended.
///
/// libuv: `uv_hrtime`.
public struct LoopClock: Clock, Sendable {
    /// A point in time, to the nanosecond.
    ///
    /// Arithmetic never overflows: the far future and the machine's start are as far as it goes.
    public struct Instant: InstantProtocol, Sendable {
        let time: MonotonicTime

        init(_ time: MonotonicTime) { self.time = time }

        /// This moment.
        public static var now: Instant { Instant(.now) }

        /// A point that never comes.
        public static var distantFuture: Instant { Instant(.distantFuture) }

        /// The point `duration` later; parts of a nanosecond count as one.
        public func advanced(by duration: Duration) -> Instant {
            Instant(time.advanced(by: duration))
        }

        /// How long it is from here to there; negative where `other` is the earlier one.
        public func duration(to other: Instant) -> Duration { time.duration(to: other.time) }

        /// True where `left` comes first.
        public static func < (left: Instant, right: Instant) -> Bool { left.time < right.time }
    }

    /// Makes the clock; all are the same.
    ///
    /// `.loop` reads better.
    public init() {}

    /// This moment.
    public var now: Instant { .now }

    /// What the clock can tell apart.
    ///
    /// A sleep ends up to a millisecond late.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Suspends until `deadline`, never less, as ``EventLoop/sleep(until:)`` does; the tolerance is
    /// not used.
    ///
    /// - Throws: `CancellationError`; ``ReactorError/Code/loopClosed`` if the loop shuts down.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try await EventLoop.sleep(until: deadline)
    }
}

extension Clock where Self == LoopClock {
    /// The event loops' clock: `Task.sleep(for: .seconds(1), clock: .loop)`.
    public static var loop: LoopClock { LoopClock() }
}
