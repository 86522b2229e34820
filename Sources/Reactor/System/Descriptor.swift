// A file descriptor as a number with the system calls this library makes on it.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// An open descriptor. Copying the value does not duplicate the descriptor; one owner closes it.
struct Descriptor: Hashable, Sendable {
    let number: Int32

    /// Never retried on EINTR: Linux has freed the number by then.
    func close() {
        _ = reactor_close(number)
    }

    /// Reads up to `memory.count` bytes of a socket: zero at its end, or a negated errno.
    @inline(__always)
    func receive(into memory: BorrowedMemory) -> Int {
        while true {
            // SAFETY: `memory` outlives this call, which keeps no pointer.
            let count = unsafe recv(number, memory.base, memory.count, 0)
            if count >= 0 { return count }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// Writes to a socket what the kernel takes at once: a count, or a negated errno. A gone peer
    /// is EPIPE, never SIGPIPE (PITFALLS D6).
    @inline(__always)
    func send(_ memory: BorrowedMemory) -> Int {
        while true {
            // SAFETY: `memory` outlives this call, which keeps no pointer.
            let count = unsafe reactor_send(number, memory.base, memory.count)
            if count >= 0 { return count }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// The same for several pieces in one call, at most `IOV_MAX` of them.
    func send(parts: [BorrowedMemory]) -> Int {
        // SAFETY: the vectors, and how many, are those that `withVectors` lends.
        unsafe withVectors(parts) { vectors, count in
            unsafe reactor_send_vector(number, vectors, count)
        }
    }

    /// Lends `parts` to a call as the vectors it takes, again where it was interrupted: its count,
    /// or a negated errno.
    func withVectors(
        _ parts: [BorrowedMemory], _ call: (UnsafePointer<iovec>, Int32) -> Int
    ) -> Int {
        unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: parts.count) { vectors in
            for (index, part) in parts.enumerated() {
                unsafe vectors.initializeElement(
                    at: index, to: iovec(iov_base: part.base, iov_len: part.count))
            }
            while true {
                // SAFETY: the vectors and what they point to outlive this call.
                let count = unsafe call(vectors.baseAddress!, Int32(parts.count))
                if count >= 0 { return count }
                if errno != EINTR { return -Int(errno) }
            }
        }
    }

    /// Says that this side has nothing more to send.
    func shutdownWriting() throws(ReactorError) {
        try Self.status(shutdown(number, Int32(SHUT_WR)), else: "finish a stream")
    }

    /// The error that a socket has in store, taken from it.
    func takeError() throws(ReactorError) -> ReactorError.Code? {
        let code: Int32 = try option(SOL_SOCKET, SO_ERROR)
        return code == 0 ? nil : .init(rawValue: -code)
    }

    func setOption<Value: BitwiseCopyable>(
        _ level: Int32, _ name: Int32, _ value: Value, _ what: String = "set a socket option"
    ) throws(ReactorError) {
        var value = value
        // SAFETY: the kernel copies exactly the given size of a plain value.
        let status = unsafe setsockopt(
            number, level, name, &value, socklen_t(MemoryLayout<Value>.size))
        try Self.status(status, else: what)
    }

    func option<Value: BitwiseCopyable & ZeroInitializable>(
        _ level: Int32, _ name: Int32
    ) throws(ReactorError) -> Value {
        var value = Value.zero
        var size = socklen_t(MemoryLayout<Value>.size)
        // SAFETY: the kernel writes at most `size` bytes of a plain value.
        let status = unsafe getsockopt(number, level, name, &value, &size)
        try Self.status(status, else: "get a socket option")
        return value
    }

    @discardableResult
    static func status(
        _ result: Int32, else operation: @autoclosure () -> String
    ) throws(ReactorError) -> Int32 {
        if result >= 0 { return result }
        throw ReactorError(.init(rawValue: -errno), operation())
    }
}

/// A plain value that the kernel may fill.
protocol ZeroInitializable {
    static var zero: Self { get }
}
extension Int32: ZeroInitializable {}
extension linger: ZeroInitializable {
    static var zero: linger { linger(l_onoff: 0, l_linger: 0) }
}
