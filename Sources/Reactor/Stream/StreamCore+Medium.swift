// What a stream's descriptor is, and what that changes: the calls, the directions, the end.

extension StreamCore {
    /// The kinds of descriptors that a stream can be over.
    enum Medium: UInt8 {
        /// A TCP connection, whose end can be a reset.
        case tcp
        /// Any other connected stream socket.
        case socket
        /// A Unix socket, with which descriptors travel.
        case unix
        /// The end of a pipe that is read from.
        case pipeReader
        /// The end of a pipe that is written to.
        case pipeWriter
        /// A terminal, or the master side of a pseudo-terminal.
        case terminal

        /// `recv`, `send` and `shutdown` serve; else `read`, `write` and `close`.
        @inline(__always)
        var isSocket: Bool { rawValue <= Self.unix.rawValue }

        /// And with nothing beside the bytes.
        @inline(__always)
        var isPlainSocket: Bool { rawValue <= Self.socket.rawValue }

        var isReadable: Bool { self != .pipeWriter }
    }

    /// The one at the other end, as errors name it.
    enum Peer: CustomStringConvertible, Sendable {
        case address(SocketAddress)
        case named(Name)
        case unix(UnixPeer)

        /// A word's worth of name: a stream has room for an address, and no more.
        final class Name: Sendable {
            let text: String
            /// Called once the descriptor is closed.
            let released: (@Sendable () -> Void)?

            init(_ text: String, released: (@Sendable () -> Void)? = nil) {
                self.text = text
                self.released = released
            }
        }

        static func named(_ text: String) -> Peer { .named(Name(text)) }

        func noteRelease() { if case .named(let name) = self { name.released?() } }

        /// A socket's.
        var address: SocketAddress? {
            if case .address(let address) = self { address } else { nil }
        }

        var description: String {
            switch self {
            case .address(let address): address.description
            case .named(let name): name.text
            case .unix(let peer): peer.name
            }
        }
    }

    /// Reads what has come: a count, zero at the end, or a negated errno.
    @inline(__always)
    func receive(into memory: BorrowedMemory) -> Int {
        medium.isPlainSocket ? descriptor.receive(into: memory) : readOther(into: memory)
    }

    @inline(never)
    private func readOther(into memory: BorrowedMemory) -> Int {
        if case .unix(let peer) = peer {
            return peer.receive(from: descriptor, into: memory, for: inbound.reader?.id)
        }
        let count = descriptor.read(into: memory)
        // The master of a pseudo-terminal reads its end as an error.
        return medium == .terminal && count == -Descriptor.inputOutputError ? 0 : count
    }

    @inline(never)
    func sendOther(_ memory: BorrowedMemory) -> Int {
        if case .unix(let peer) = peer { return peer.send(memory, to: descriptor) }
        return descriptor.write(memory)
    }

    @inline(never)
    func sendOther(parts: [BorrowedMemory]) -> Int {
        if case .unix(let peer) = peer { return peer.send(parts, to: descriptor) }
        return descriptor.write(parts: parts)
    }
}
