// What wakes a sleeping loop from another thread: an eventfd, or a pipe where there is none.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Writable from any thread for as long as the object lives, the loop's end included: the reason
/// why `uv_async_t` is not used, which must not be touched while its loop closes (PITFALLS D13).
final class Wakeup: Sendable {
    let readEnd: Descriptor
    private let writeEnd: Descriptor

    init(forcePipe: Bool = false) throws(ReactorError) {
        let number = forcePipe ? -1 : reactor_eventfd()
        if number >= 0 {
            readEnd = Descriptor(number: number)
            writeEnd = readEnd
            return
        }
        guard forcePipe || errno == ENOSYS else {
            throw ReactorError(.init(rawValue: -errno), "create an event loop")
        }
        (readEnd, writeEnd) = try Descriptor.pipe()
    }

    deinit {
        readEnd.close()
        if writeEnd != readEnd { writeEnd.close() }
    }

    /// Makes the read end readable. A full pipe or counter is readable already.
    func wake() {
        var one: UInt64 = 1
        // SAFETY: eight bytes of a live variable; the descriptors live as long as this object.
        while unsafe write(writeEnd.number, &one, 8) < 0, errno == EINTR {}
    }

    /// Takes the wake-ups that have come.
    func drain() {
        var count: UInt64 = 0
        // SAFETY: as above; the read end does not block.
        while unsafe read(readEnd.number, &count, 8) < 0, errno == EINTR {}
    }
}

extension Descriptor {
    /// A non-blocking pipe that children do not inherit: its read end, its write end.
    static func pipe() throws(ReactorError) -> (Descriptor, Descriptor) {
        var ends: [Int32] = [-1, -1]
        // SAFETY: the call writes two numbers.
        try status(unsafe reactor_pipe(&ends), else: "create a pipe")
        return (Descriptor(number: ends[0]), Descriptor(number: ends[1]))
    }
}
