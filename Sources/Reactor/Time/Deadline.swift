// By when work must be done, as everything below a time limit can see.

/// A point in time by which something must be done.
///
/// ``withDeadline(_:isolation:_:)`` ends its body then. Whatever the body calls finds the deadline
/// in ``current``, to pass it on to a server or to choose what is worth beginning.
public struct Deadline: Comparable, Hashable, Sendable {
    /// When it is.
    public let instant: LoopClock.Instant

    /// The deadline at `instant`.
    public init(_ instant: LoopClock.Instant) { self.instant = instant }

    /// The deadline `duration` from now.
    ///
    /// A duration too long for the clock means never.
    public static func after(_ duration: Duration) -> Deadline {
        Deadline(.now.advanced(by: duration))
    }

    /// The earliest deadline of the scopes that the caller runs in; `nil` without any.
    ///
    /// A task-local value: child tasks inherit it, and so does a plain `Task { }`, which a scope
    /// does not cancel. Such a task keeps to the deadline with ``withDeadline(_:isolation:_:)``.
    public static var current: Deadline? { DeadlineValue.current }

    /// How long it is until then; negative once it has passed.
    public var remaining: Duration { LoopClock.Instant.now.duration(to: instant) }

    /// True once there is no time left.
    public var hasPassed: Bool { instant <= .now }

    /// True where `left` comes first.
    public static func < (left: Deadline, right: Deadline) -> Bool { left.instant < right.instant }
}

/// Apart from ``Deadline``, so that only time limits can set it.
enum DeadlineValue {
    @TaskLocal static var current: Deadline?
}
