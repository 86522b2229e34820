// Which task runs the caller.

internal import CReactor

/// Tells tasks apart, while they live.
struct TaskIdentity: Equatable {
    private let address: ObjectIdentifier

    /// The task that runs the caller; `nil` outside tasks.
    @inline(__always)
    static var current: TaskIdentity? {
        // SAFETY: the address is compared, never followed.
        unsafe reactor_current_task().map {
            unsafe TaskIdentity(address: unsafeBitCast($0, to: ObjectIdentifier.self))
        }
    }
}
