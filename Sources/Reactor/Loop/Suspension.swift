// The one place where continuations live: a suspended caller, on its loop or elsewhere.

internal import Synchronization

/// A task suspended on the loop's thread, resumed there with its value. No allocation.
///
/// SAFETY: whoever holds one resumes it exactly once; the test suite runs with
/// SWIFT_DEBUG_VALIDATE_UNCHECKED_CONTINUATIONS=1, which turns a second resume into an abort.
@safe struct Suspension<Value: Sendable>: Sendable {
    private let continuation: UnsafeContinuation<Value, Never>

    fileprivate init(_ continuation: UnsafeContinuation<Value, Never>) {
        unsafe self.continuation = continuation
    }

    @inline(__always)
    func resume(_ value: Value) { unsafe continuation.resume(returning: value) }

    /// The task that waits: a continuation is a reference to it.
    var task: TaskIdentity {
        // SAFETY: one word, compared and never followed.
        unsafe TaskIdentity(address: unsafeBitCast(continuation, to: ObjectIdentifier.self))
    }
}

/// Suspends the caller and hands its suspension to `body`, which runs at once.
@inline(__always)
func suspend<Value: Sendable>(_ body: (Suspension<Value>) -> Void) async -> Value {
    // SAFETY: `body` passes it to whoever resumes it, once.
    unsafe await withUnsafeContinuation { unsafe body(Suspension($0)) }
}

/// The same, with a handler for the task's cancellation, which is called at once if the task is
/// cancelled already, and on whatever thread cancels it.
@inline(__always)
func suspend<Value: Sendable>(
    onCancel: @Sendable () -> Void, _ body: (Suspension<Value>) -> Void
) async -> Value {
    await withTaskCancellationHandler {
        await suspend(body)
    } onCancel: {
        onCancel()
    }
}

/// A task suspended away from the loop.
///
/// The value is kept beside a continuation that carries none: the thread sanitizer mistakes a
/// value resumed from another thread for a race (Swift 6.3.1). `settle` runs on the loop's thread,
/// or on any thread once the loop has ended; the first one counts.
///
/// Unchecked: `isTaken` lets one thread write, `isSettled` is its release to the one that reads.
@safe final class RemoteWait<Value: Sendable>: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Void, Never>?
    private var value: Value?
    private let isSettled = Atomic(false)
    private let isTaken = Atomic(false)
    /// Set by the caller's cancellation, before it is carried to the loop: the wait may not have
    /// been parked yet.
    let isCancelled = Atomic(false)
    /// The task that waits, which is the one that makes this.
    let task = TaskIdentity.current
    /// Under `REACTOR_DEBUG=1`: where it stands, noted while it is the waiting task that runs.
    private(set) var note: WaitNote?

    /// Suspends the caller; `park` runs at once, and passes the wait to the loop.
    func suspend(_ park: () -> Void) async -> Value {
        // SAFETY: `settle` resumes it, once; it is in place before `park` can lead there.
        unsafe await withUnsafeContinuation { continuation in
            unsafe self.continuation = continuation
            if Debugging.isOn { note = WaitNote(task) }
            park()
        }
        precondition(isSettled.load(ordering: .acquiring))
        return value!
    }

    func settle(_ value: Value) {
        guard !isTaken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.value = value
        let continuation = unsafe self.continuation
        unsafe self.continuation = nil
        isSettled.store(true, ordering: .releasing)
        // SAFETY: `isTaken` lets one caller through.
        unsafe continuation!.resume()
    }
}

/// Somebody who waits for a value, wherever they are.
enum Waiter<Value: Sendable>: Sendable {
    case here(Suspension<Value>)
    case elsewhere(RemoteWait<Value>)

    @inline(__always)
    func resume(_ value: Value) {
        switch self {
        case .here(let suspension): suspension.resume(value)
        case .elsewhere(let wait): wait.settle(value)
        }
    }

    /// The task that waits.
    var task: TaskIdentity? {
        switch self {
        case .here(let suspension): suspension.task
        case .elsewhere(let wait): wait.task
        }
    }
}

/// Of a wait away from the loop: others may end it while it is looked at, so it looks itself.
final class WaitNote: Sendable {
    let since = MonotonicTime.now
    let calls: CallChain

    init(_ task: TaskIdentity?) { calls = task.map { CallChain(of: $0) } ?? CallChain() }
}

/// Names one wait, so that a cancellation that comes late meets nothing.
struct WaitID: Hashable, Sendable {
    private let raw: UInt64

    /// From a counter of the object waited on.
    @inline(__always)
    init(_ counter: UInt64) { raw = counter << 1 | 1 }

    /// Of the one wait at a time of the task that owns an object: see `StreamCore.owner`.
    static let owner = WaitID(0)

    /// Of a wait from elsewhere: its address, which is even.
    init<Value>(_ wait: RemoteWait<Value>) {
        raw = UInt64(UInt(bitPattern: ObjectIdentifier(wait)))
    }
}

/// The task that runs the caller.
enum CurrentTask {
    /// The executor that it prefers, which a task made for it should prefer too: `nil` for none.
    static var executor: (any TaskExecutor)? {
        // SAFETY: the reference is turned into a strong one while the task, its keeper, runs here.
        unsafe withUnsafeCurrentTask { unsafe $0?.unownedTaskExecutor?.asTaskExecutor() }
    }

    /// Cancels it from within.
    static func cancel() {
        // SAFETY: the task is not used outside the closure.
        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
    }
}
