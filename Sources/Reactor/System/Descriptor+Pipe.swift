// Reading and writing what is no socket: pipes, FIFOs, terminals.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// What the master of a pseudo-terminal answers when nobody has the other side open.
    static let inputOutputError = Int(EIO)

    /// Reads up to `memory.count` bytes: zero at the end, or a negated errno.
    func read(into memory: BorrowedMemory) -> Int {
        while true {
            // SAFETY: `memory` outlives this call, which keeps no pointer.
            let count = unsafe readBytes(number, memory.base, memory.count)
            if count >= 0 { return count }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// Writes what the kernel takes at once: a count, or a negated errno. On a loop's thread a
    /// reader that has gone is EPIPE, never SIGPIPE (PITFALLS D6): see `CurrentLoop.enter`.
    func write(_ memory: BorrowedMemory) -> Int {
        while true {
            // SAFETY: `memory` outlives this call, which keeps no pointer.
            let count = unsafe reactor_write(number, memory.base, memory.count)
            if count >= 0 { return count }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// The same for several pieces in one call, at most `IOV_MAX` of them.
    func write(parts: [BorrowedMemory]) -> Int {
        // SAFETY: the vectors, and how many, are those that `withVectors` lends.
        unsafe withVectors(parts) { vectors, count in
            unsafe reactor_write_vector(number, vectors, count)
        }
    }
}

// Outside the type, whose methods shadow the name.
private func readBytes(_ number: Int32, _ base: UnsafeMutableRawPointer, _ count: Int) -> Int {
    // SAFETY: the caller lends so much memory.
    unsafe read(number, base, count)
}
