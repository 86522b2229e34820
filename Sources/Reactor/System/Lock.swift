// A mutual exclusion that the thread sanitizer understands.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// A value behind a `pthread_mutex_t`. `Synchronization.Mutex` would do, but the thread sanitizer
/// reports races that are none on it when it is contended (Swift 6.3.1).
///
/// Unchecked: the value is touched with the lock held.
@safe final class Locked<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        // SAFETY: fresh memory; default attributes cannot fail.
        _ = unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        // SAFETY: nobody holds a lock of an object that nobody refers to.
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    @inline(__always)
    func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: initialised in `init`, in place until `deinit`.
        _ = unsafe pthread_mutex_lock(mutex)
        defer { _ = unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}

/// The same with waiting, for threads that have nothing else to do.
///
/// Unchecked: the value is touched with the lock held.
@safe final class Monitor<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        // SAFETY: fresh memory. The condition's clock is the monotonic one where there is a choice.
        _ = unsafe pthread_mutex_init(mutex, nil)
        unsafe reactor_condition_init(condition)
    }

    deinit {
        // SAFETY: nobody waits on an object that nobody refers to.
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        // SAFETY: initialised in `init`, in place until `deinit`.
        _ = unsafe pthread_mutex_lock(mutex)
        defer { _ = unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Changes the value and wakes one waiter.
    func signal(_ body: (inout Value) -> Void) {
        withLock(body)
        // SAFETY: initialised in `init`, in place until `deinit`.
        _ = unsafe pthread_cond_signal(condition)
    }

    /// Changes the value and wakes every waiter.
    func broadcast(_ body: (inout Value) -> Void) {
        withLock(body)
        // SAFETY: initialised in `init`, in place until `deinit`.
        _ = unsafe pthread_cond_broadcast(condition)
    }

    /// Waits until `body` returns a value, or, where `limit` is given, until that much time has
    /// passed without one; `body` runs under the lock, once at first and once per wake-up.
    func wait<Result>(
        limit: Duration? = nil, _ body: (inout Value) -> Result?
    ) -> Result? {
        let deadline = limit.map { MonotonicTime.now.advanced(by: $0) }
        // SAFETY: as above; `pthread_cond_wait` gives the lock back before it returns.
        _ = unsafe pthread_mutex_lock(mutex)
        defer { _ = unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            if let deadline {
                let now = MonotonicTime.now
                if deadline <= now { return nil }
                unsafe reactor_condition_wait(
                    condition, mutex, deadline.nanoseconds, now.nanoseconds)
            } else {
                _ = unsafe pthread_cond_wait(condition, mutex)
            }
        }
    }
}
