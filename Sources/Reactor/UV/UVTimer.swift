// libuv's timer, which wakes the loop for its own queue of them.

internal import CUV

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
