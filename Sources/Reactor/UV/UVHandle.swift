// What every libuv handle shares: one owner of its memory, from allocation to the close callback.

internal import CUV

/// The Swift side of a libuv handle. The handle keeps this object alive from `adopt` until its
/// close callback has run, so no callback can meet an object that is gone.
@safe class UVHandle {
    let loop: UVLoop
    /// The handle's memory; `nil` once the close callback has freed it.
    private(set) var memory: UnsafeMutableRawPointer?
    private let kind: HandleKind
    private(set) var isClosing = false

    init(_ kind: HandleKind, on loop: UVLoop, memory: UnsafeMutableRawPointer) {
        self.kind = kind
        self.loop = loop
        // SAFETY: the caller lets go of it: `close` frees it.
        unsafe self.memory = memory
    }

    /// Ties this object to its initialised handle.
    func adopt() {
        // SAFETY: the handle was initialised, so its `data` is ours; balanced in `onClose`.
        unsafe handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        loop.opened(kind)
    }

    private var handle: UnsafeMutablePointer<uv_handle_t> {
        // SAFETY: every handle type begins with the fields of `uv_handle_t`.
        unsafe memory!.assumingMemoryBound(to: uv_handle_t.self)
    }

    /// Stops the handle now and frees it in its close callback, one turn later. Idempotent.
    ///
    /// libuv: `uv_close`.
    final func close() {
        guard !isClosing else { return }
        isClosing = true
        // SAFETY: initialised and not closing; on the loop's thread like all of this class.
        unsafe uv_close(handle) { handle in
            // SAFETY: balances `adopt`; libuv no longer touches the handle once this runs.
            let owner = unsafe Unmanaged<UVHandle>.fromOpaque(handle!.pointee.data)
                .takeRetainedValue()
            owner.loop.closed(owner.kind)
            unsafe owner.memory?.deallocate()
            unsafe owner.memory = nil
        }
    }
}

/// Who is told that a descriptor is ready.
protocol PollOwner: AnyObject {
    /// `readable` and `writable` say what will not block; after an error on the descriptor both
    /// are true and polling has stopped, so that the next call on it meets the real error.
    func ready(readable: Bool, writable: Bool, failed: Bool)
}

/// Readiness of one descriptor, which stays its owner's to close, after `close()` here.
@safe final class UVPoll: UVHandle {
    private(set) var events: Events = []
    /// Held until the handle closes.
    private var owner: (any PollOwner)?

    struct Events: OptionSet {
        let rawValue: Int32
        static let readable = Self(rawValue: Int32(UV_READABLE.rawValue))
        static let writable = Self(rawValue: Int32(UV_WRITABLE.rawValue))
    }

    /// Checks that the descriptor can be polled, and makes it non-blocking.
    ///
    /// libuv: `uv_poll_init`.
    init(_ descriptor: Descriptor, on loop: UVLoop) throws(ReactorError) {
        let memory = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
        // SAFETY: fresh memory; a refused descriptor leaves the loop untouched (init precedes the
        // handle's insertion in 1.44.2).
        let status = unsafe uv_poll_init(loop.raw, memory, descriptor.number)
        guard status >= 0 else {
            unsafe memory.deallocate()
            throw ReactorError(.init(rawValue: status), "watch descriptor \(descriptor.number)")
        }
        unsafe super.init(.poll, on: loop, memory: UnsafeMutableRawPointer(memory))
        adopt()
    }

    /// Watches for `events`, and for nothing else; an empty set stops.
    ///
    /// Each change removes the descriptor from epoll and adds it again, so what is armed stays
    /// armed for as long as it can.
    ///
    /// libuv: `uv_poll_start`.
    func watch(_ events: Events, for owner: any PollOwner) {
        guard !isClosing, events != self.events else { return }
        self.owner = owner
        self.events = events
        // SAFETY: initialised, not closing. It can only fail for a descriptor watched twice,
        // which `init` has refused.
        let poll = unsafe memory!.assumingMemoryBound(to: uv_poll_t.self)
        let status = unsafe uv_poll_start(poll, events.rawValue) { poll, status, ready in
            // SAFETY: `data` is this object, alive until the close callback.
            unsafe Unmanaged<UVPoll>.fromOpaque(poll!.pointee.data)
                ._withUnsafeGuaranteedRef { $0.ready(status, ready) }
        }
        assert(status == 0, "uv_poll_start answered \(status)")
    }

    @inline(__always)
    private func ready(_ status: Int32, _ ready: Int32) {
        guard let owner else { return }
        if status < 0 {
            events = []  // libuv has stopped the handle
            owner.ready(readable: true, writable: true, failed: true)
        } else {
            owner.ready(
                readable: ready & Events.readable.rawValue != 0,
                writable: ready & Events.writable.rawValue != 0, failed: false)
        }
    }

    /// Lets go of the owner; called by it when it closes this handle.
    func release() {
        owner = nil
        events = []
        close()
    }
}

/// libuv's timer. A loop has one: it only wakes the loop for its timer queue.
@safe final class UVTimer: UVHandle {
    private let fired: () -> Void

    /// libuv: `uv_timer_init`.
    init(on loop: UVLoop, fired: @escaping () -> Void) {
        self.fired = fired
        let memory = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
        // SAFETY: fresh memory; this call cannot fail.
        _ = unsafe uv_timer_init(loop.raw, memory)
        unsafe super.init(.timer, on: loop, memory: UnsafeMutableRawPointer(memory))
        adopt()
    }

    /// Fires once, `milliseconds` from the loop's cached time.
    ///
    /// libuv: `uv_timer_start`.
    func start(milliseconds: UInt64) {
        guard !isClosing else { return }
        // SAFETY: initialised and not closing.
        let timer = unsafe memory!.assumingMemoryBound(to: uv_timer_t.self)
        _ = unsafe uv_timer_start(
            timer,
            { timer in
                // SAFETY: `data` is this object, alive until the close callback.
                unsafe Unmanaged<UVTimer>.fromOpaque(timer!.pointee.data)
                    ._withUnsafeGuaranteedRef { $0.fired() }
            }, milliseconds, 0)
    }

    /// libuv: `uv_timer_stop`.
    func stop() {
        guard !isClosing else { return }
        // SAFETY: initialised and not closing.
        _ = unsafe uv_timer_stop(memory!.assumingMemoryBound(to: uv_timer_t.self))
    }
}
