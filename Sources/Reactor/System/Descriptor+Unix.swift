// What only Unix sockets do: pairs, credentials, descriptors beside the bytes.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// As many as one message takes.
    static let mostPassed = Int(REACTOR_MOST_DESCRIPTORS)

    static func streamPair() throws(ReactorError) -> (Descriptor, Descriptor) {
        var ends: (Int32, Int32) = (-1, -1)
        // SAFETY: the kernel fills two numbers.
        let result = unsafe withUnsafeMutableBytes(of: &ends) {
            unsafe reactor_stream_pair($0.baseAddress!.assumingMemoryBound(to: Int32.self))
        }
        try status(result, else: "create a pair of sockets")
        return (Descriptor(number: ends.0), Descriptor(number: ends.1))
    }

    /// The process, user and group at the other end.
    func peerCredentials() throws(ReactorError) -> (process: Int32, user: UInt32, group: UInt32) {
        var (process, user, group) = (Int32(0), UInt32(0), UInt32(0))
        // SAFETY: three live variables are filled.
        let result = unsafe reactor_peer_credentials(number, &process, &user, &group)
        try Self.status(result, else: "ask who the peer is")
        return (process, user, group)
    }

    /// A stream socket of this family, connected; refused otherwise, before anything is changed.
    func checkConnected(_ family: SocketAddress.Family) throws(ReactorError) {
        let operation = "use descriptor \(number) as a stream"
        let type: Int32
        let listens: Int32
        do throws(ReactorError) {
            type = try option(SOL_SOCKET, SO_TYPE)
            listens = try option(SOL_SOCKET, SO_ACCEPTCONN)
        } catch { throw ReactorError(error.code, operation) }
        guard reactor_socket_domain(number) == NumericAddress.domain(family) else {
            throw ReactorError(.invalidArgument, "\(operation), which is of another family")
        }
        guard type == Self.streamType else {
            throw ReactorError(.invalidArgument, "\(operation), which is a socket of another type")
        }
        guard listens == 0 else {
            throw ReactorError(.invalidArgument, "\(operation), which listens")
        }
        do throws(ReactorError) { _ = try remoteAddress() } catch {
            throw ReactorError(error.code, operation)
        }
    }

    #if canImport(Glibc)
    private static var streamType: Int32 { Int32(SOCK_STREAM.rawValue) }
    #else
    private static var streamType: Int32 { SOCK_STREAM }
    #endif

    /// Of a socket that is about to be bound: what its file will be given at most.
    func setPermissions(_ permissions: UInt32) { _ = fchmod(number, mode_t(permissions)) }

    // MARK: Passing descriptors

    /// Sends bytes, one at least, with descriptors: a count, or a negated errno.
    func send(parts: [BorrowedMemory], with descriptors: [Descriptor]) -> Int {
        let numbers = descriptors.map(\.number)
        // SAFETY: the vectors are those that `withVectors` lends, the numbers live through it.
        return unsafe withVectors(parts) { vectors, count in
            unsafe reactor_send_descriptors(
                number, vectors, count, numbers, Int32(numbers.count))
        }
    }

    /// Reads as `receive(into:)` does, with the descriptors that have come: theirs to close is the
    /// caller. `isCut` says that some were lost.
    func receive(
        into memory: BorrowedMemory, _ descriptors: inout [Descriptor], isCut: inout Bool
    ) -> Int {
        // SAFETY: room for the most that one message brings; nothing is read before it is written.
        unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.mostPassed) { numbers in
            var found: Int32 = 0
            while true {
                // SAFETY: `memory` outlives this call, which keeps no pointer.
                let count = unsafe reactor_receive_descriptors(
                    number, memory.base, memory.count, numbers.baseAddress!, &found, &isCut)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return -Int(errno) }
                for index in 0..<Int(found) {
                    unsafe descriptors.append(Descriptor(number: numbers[index]))
                }
                return count
            }
        }
    }
}
