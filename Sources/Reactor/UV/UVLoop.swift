// One `uv_loop_t`: made, turned, walked and closed by the thread that owns it.

internal import CUV

/// libuv's loop. Every member belongs to the thread that turns it.
@safe final class UVLoop {
    let raw: UnsafeMutablePointer<uv_loop_t>
    /// Open handles, by kind; a closing handle counts until its close callback.
    private(set) var openHandles = HandleCounts()
    private var isClosed = false

    init() throws(ReactorError) {
        try Self.preflight()
        unsafe raw = .allocate(capacity: 1)
        // SAFETY: `raw` is fresh memory of the right size; a failed init leaves nothing in it.
        let status = unsafe uv_loop_init(raw)
        guard status >= 0 else {
            unsafe raw.deallocate()
            throw ReactorError(.init(rawValue: status), "create an event loop")
        }
    }

    deinit {
        // SAFETY: every open handle keeps this object, so nothing refers to the memory. A loop that
        // was never turned has yet to close its descriptors; memory that libuv keeps is left to it.
        guard unsafe isClosed || uv_loop_close(raw) == 0 else { return }
        unsafe raw.deallocate()
    }

    /// One turn: timers, one poll (waiting for at most the next timer if `blocking`), callbacks.
    @inline(__always)
    func turn(blocking: Bool) {
        // SAFETY: owner's thread; never called from inside a callback of the same loop.
        _ = unsafe uv_run(raw, blocking ? UV_RUN_ONCE : UV_RUN_NOWAIT)
    }

    /// Keeps the turn under way from blocking, or ends it; does nothing to later ones.
    ///
    /// libuv: `uv_stop`.
    func endTurn() {
        // SAFETY: owner's thread.
        unsafe uv_stop(raw)
    }

    /// Brings libuv's cached clock up to date, as every arming of a timer needs.
    ///
    /// libuv: `uv_update_time`.
    func refreshClock() {
        // SAFETY: owner's thread.
        unsafe uv_update_time(raw)
    }

    /// The same as a point in time.
    var now: MonotonicTime { MonotonicTime(nanoseconds: nowMilliseconds &* 1_000_000) }

    /// libuv's cached clock, in milliseconds, floored.
    ///
    /// libuv: `uv_now`.
    var nowMilliseconds: UInt64 {
        // SAFETY: owner's thread.
        unsafe uv_now(raw)
    }

    /// Frees what the loop holds. Every handle must have been closed.
    ///
    /// libuv: `uv_loop_close`.
    func close() throws(ReactorError) {
        // SAFETY: owner's thread, outside any turn. EBUSY leaves the loop as it was.
        try check(unsafe uv_loop_close(raw), "close an event loop")
        isClosed = true
    }

    func opened(_ kind: HandleKind) { openHandles[kind] += 1 }
    func closed(_ kind: HandleKind) { openHandles[kind] -= 1 }

    /// libuv's first loop in a process aborts where its signal pipe finds no descriptor
    /// (PITFALLS D14), so as many as it opens are tried here first: epoll's, the eventfd of
    /// `uv_async_t`, two pipes for signals.
    private static func preflight() throws(ReactorError) {
        var reserved: [Descriptor] = []
        defer { for descriptor in reserved { descriptor.close() } }
        for _ in 0..<4 {
            let (readEnd, writeEnd) = try Descriptor.pipe()
            reserved += [readEnd, writeEnd]
        }
    }
}

/// What libuv keeps open, by kind.
enum HandleKind: UInt8, CaseIterable {
    case poll, timer, process
}

/// How many handles of each kind are open.
struct HandleCounts: Equatable {
    private var counts = [Int](repeating: 0, count: HandleKind.allCases.count)
    subscript(kind: HandleKind) -> Int {
        get { counts[Int(kind.rawValue)] }
        set { counts[Int(kind.rawValue)] = newValue }
    }
    var total: Int { counts.reduce(0, +) }
}
