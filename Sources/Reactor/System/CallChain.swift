// Where a suspended task goes on, and who waits for it there: read from the task itself.

/// The places in the program's code at which a task and its callers go on, the innermost first.
///
/// Noting them for each wait would cost each; the task's own frames hold them, and are there to be
/// read for as long as it is suspended.
struct CallChain: Hashable, Sendable {
    var addresses: [UInt] = []
}

#if os(Linux) && _pointerBitWidth(_64)
extension CallChain {
    private static let limit = 64

    /// Of a task that waits in a continuation, or is about to, and that nobody resumes meanwhile.
    ///
    /// A task has the function that it goes on with at 56 bytes and that function's frame at 64; a
    /// frame begins with its caller's frame and the function that the caller goes on with. The
    /// runtime's own unwinder relies on the same. Where the two functions differ, the task is not
    /// in a continuation or the layout is another: nothing is known then.
    init(of task: TaskIdentity) {
        // SAFETY: the task is alive, as it waits; so are its frames, until it is resumed.
        let base = unsafe task.pointer
        let resume = unsafe base.load(fromByteOffset: 56, as: UInt.self)
        var frame = unsafe base.load(fromByteOffset: 64, as: UnsafeRawPointer?.self)
        guard let first = unsafe frame,
            unsafe first.load(fromByteOffset: 8, as: UInt.self) == resume
        else { return }
        while let own = unsafe frame, addresses.count < Self.limit {
            unsafe addresses.append(own.load(fromByteOffset: 8, as: UInt.self))
            unsafe frame = own.load(as: UnsafeRawPointer?.self)
        }
    }
}
#else
extension CallChain {
    /// Not known here.
    init(of task: TaskIdentity) {}
}
#endif
