// Readiness of a descriptor, and who is told of it.

internal import CUV

/// Who is told that a descriptor is ready.
///
/// A class, so that libuv's handle points at it: by way of the handle's own object and a protocol,
/// two lines of memory more are met per event (callgrind, 1,000 connections, 2026-11-25).
class PollOwner {
    /// `readable` and `writable` say what will not block; after an error on the descriptor both
    /// are true and polling has stopped, so that the next call on it meets the real error.
    func ready(readable: Bool, writable: Bool, failed: Bool) {
        preconditionFailure("\(Self.self) watches nothing")
    }

    /// What is watched for it: nothing after an error.
    fileprivate(set) final var watched: UVPoll.Events = []
}

/// Readiness of one descriptor, which stays its owner's to close, after `close()` here.
@safe final class UVPoll: UVHandle {
    /// Held until the handle closes.
    private var owner: PollOwner?

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
    func watch(_ events: Events, for owner: PollOwner) {
        guard !isClosing, events != owner.watched else { return }
        if self.owner !== owner { point(at: owner) }
        owner.watched = events
        // SAFETY: initialised, not closing. It can only fail for a descriptor watched twice,
        // which `init` has refused.
        let poll = unsafe memory!.assumingMemoryBound(to: uv_poll_t.self)
        let status = unsafe uv_poll_start(poll, events.rawValue) { poll, status, ready in
            // SAFETY: `data` is the owner, held by its poll until that is closed or points at
            // another, which may be what this call comes to: it is held here meanwhile.
            let owner = unsafe Unmanaged<PollOwner>.fromOpaque(poll!.pointee.data)
                .takeUnretainedValue()
            UVPoll.ready(owner, status, ready)
        }
        assert(status == 0, "uv_poll_start answered \(status)")
    }

    /// Has the handle's events go to `owner`.
    private func point(at owner: PollOwner) {
        self.owner = owner
        // SAFETY: held by this object until the handle is closed, when `data` changes again.
        unsafe handle.pointee.data = Unmanaged.passUnretained(owner).toOpaque()
    }

    @inline(__always)
    private static func ready(_ owner: PollOwner, _ status: Int32, _ ready: Int32) {
        if status < 0 {
            owner.watched = []  // libuv has stopped the handle
            owner.ready(readable: true, writable: true, failed: true)
        } else {
            owner.ready(
                readable: ready & Events.readable.rawValue != 0,
                writable: ready & Events.writable.rawValue != 0, failed: false)
        }
    }

    /// Lets go of the owner; called by it when it closes this handle.
    func release() {
        close()
        owner?.watched = []
        owner = nil
    }
}
