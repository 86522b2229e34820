// Which loop's thread this is: a thread-local behind C.

internal import CReactor

enum CurrentLoop {
    /// The loop whose thread runs the caller.
    static var loop: EventLoop? {
        // SAFETY: set only by `enter`, to an object that outlives `leave` on the same thread.
        unsafe reactor_current_loop().map {
            unsafe Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue()
        }
    }

    @inline(__always)
    static func isCurrent(_ loop: EventLoop) -> Bool {
        // SAFETY: addresses are compared, not followed.
        unsafe reactor_current_loop() == Unmanaged.passUnretained(loop).toOpaque()
    }

    /// Makes the calling thread the loop's. Until `leave`, SIGPIPE is blocked on it: a write to a
    /// pipe that nobody reads is EPIPE there, and the process's disposition stays the user's.
    static func enter(_ loop: EventLoop) {
        // SAFETY: the caller keeps `loop` alive until `leave`.
        unsafe reactor_set_current_loop(Unmanaged.passUnretained(loop).toOpaque())
        reactor_block_sigpipe()
    }

    static func leave() {
        reactor_unblock_sigpipe()
        reactor_set_current_loop(nil)
    }
}

/// Dispatch's main queue, which a loop on the main thread serves as well.
enum MainQueue {
    static var isMainThread: Bool { reactor_is_main_thread() }

    /// Readable when the queue has work; `nil` where the process has no Dispatch.
    static var descriptor: Descriptor? {
        let number = reactor_main_queue_descriptor()
        return number >= 0 ? Descriptor(number: number) : nil
    }

    /// Runs what the queue holds. On the main thread only.
    static func drain() { reactor_main_queue_drain() }
}
