// Which task runs the caller.

internal import CReactor

/// Tells tasks apart, while they live.
struct TaskIdentity: Hashable, Sendable {
    private let address: ObjectIdentifier

    init(address: ObjectIdentifier) { self.address = address }

    /// Where it is in memory, as long as it lives.
    var pointer: UnsafeRawPointer {
        // SAFETY: no task is at zero.
        unsafe UnsafeRawPointer(bitPattern: UInt(bitPattern: address))!
    }

    /// The task that runs the caller; `nil` outside tasks.
    @inline(__always)
    static var current: TaskIdentity? {
        // SAFETY: the address is compared, never followed.
        unsafe reactor_current_task().map {
            unsafe TaskIdentity(address: unsafeBitCast($0, to: ObjectIdentifier.self))
        }
    }

    init(_ task: Task<some Sendable, some Error>) {
        // SAFETY: a handle is one reference to its task; as above.
        self.init(address: unsafe unsafeBitCast(task, to: ObjectIdentifier.self))
    }

    /// The task whose step a job is, if it is one: the job is its task then.
    init(_ job: UnownedJob) {
        // SAFETY: one word, compared and never followed.
        self.init(address: unsafe unsafeBitCast(job, to: ObjectIdentifier.self))
    }
}
