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

    final var handle: UnsafeMutablePointer<uv_handle_t> {
        // SAFETY: every handle type begins with the fields of `uv_handle_t`.
        unsafe memory!.assumingMemoryBound(to: uv_handle_t.self)
    }

    /// Stops the handle now and frees it in its close callback, one turn later. Idempotent.
    ///
    /// libuv: `uv_close`.
    final func close() {
        guard !isClosing else { return }
        isClosing = true
        // SAFETY: a poll handle's `data` is its owner while it is open; `adopt` has retained this.
        unsafe handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
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
