// Mutable state in a place of its own, without run-time exclusivity checks.

/// State that one thread at a time touches, and whose methods never call back into its owner.
///
/// A stored property of a class is checked for overlapping access at run time: ten checks and 600
/// instructions per echo (callgrind, Swift 6.3.1), more than libuv needs for all of it. What holds
/// a cell is confined to a loop, so other threads cannot overlap; and the machines kept in cells
/// return what is to be done and call nobody, so neither can their own methods.
@safe struct Cell<State> {
    private let place: UnsafeMutablePointer<State>

    init(_ state: consuming State) {
        unsafe place = .allocate(capacity: 1)
        // SAFETY: fresh memory.
        unsafe place.initialize(to: state)
    }

    @inline(__always)
    var state: State {
        // SAFETY: initialised in `init`; the owner uses it from one thread, and not after `free`.
        @inline(__always) unsafeAddress { unsafe UnsafePointer(place) }
        @inline(__always) nonmutating unsafeMutableAddress { unsafe place }
    }

    /// Called once, by the owner's `deinit`.
    func free() {
        // SAFETY: nobody has the owner any more, and so nobody has this.
        unsafe place.deinitialize(count: 1)
        unsafe place.deallocate()
    }
}
