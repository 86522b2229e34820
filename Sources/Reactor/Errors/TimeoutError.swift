// The error of a deadline that passed.

/// The time allowed by ``withTimeout(_:isolation:_:)`` or ``withDeadline(_:isolation:_:)`` ran out.
///
/// Thrown by those two only: never by the kernel's own time limits, which are
/// ``ReactorError/Code/timedOut``.
public struct TimeoutError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Makes the error.
    public init() {}

    /// One sentence.
    public var description: String { "the deadline passed" }
}
