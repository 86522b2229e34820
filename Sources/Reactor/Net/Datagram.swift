// One message over UDP, as it came and as it goes.

/// A datagram that has come.
///
/// Datagrams keep their bounds: what was sent by one call comes as one, whole or cut, possibly
/// twice, out of order or not at all. One without bytes is a datagram like any other.
public struct Datagram: Sendable, Hashable {
    /// What it says.
    public var bytes: [UInt8]

    /// Who has sent it.
    public var from: SocketAddress

    /// True if more was sent than there was room for; the rest is lost.
    public var isTruncated: Bool

    /// A datagram as if it had come.
    public init(_ bytes: [UInt8], from: SocketAddress, isTruncated: Bool = false) {
        self.bytes = bytes
        self.from = from
        self.isTruncated = isTruncated
    }

    /// A datagram for its sender.
    public func reply(_ bytes: [UInt8]) -> Outgoing { Outgoing(bytes, to: from) }
}

extension Datagram {
    /// A datagram to be sent.
    public struct Outgoing: Sendable, Hashable {
        /// What it says.
        public var bytes: [UInt8]

        /// Who is to get it; `nil` for the peer of a connected socket.
        public var address: SocketAddress?

        /// A datagram for `address`, or for the peer of a connected socket.
        public init(_ bytes: [UInt8], to address: SocketAddress? = nil) {
            self.bytes = bytes
            self.address = address
        }
    }

    /// A datagram whose bytes are in the receiver's own memory.
    public struct Header: Sendable, Hashable {
        /// How many bytes are there.
        public var count: Int

        /// Who has sent it.
        public var from: SocketAddress

        /// True if more was sent than there was room for; the rest is lost.
        public var isTruncated: Bool
    }

    /// What became of several datagrams that were sent together.
    public struct SendReport: Sendable {
        /// How many the kernel took.
        public internal(set) var sent = 0

        /// Those that it did not, in order.
        public internal(set) var failures: [Failure] = []

        /// One that was not sent.
        public struct Failure: Sendable {
            /// Its place among those that were to be sent.
            public let index: Int

            /// Why: a ``ReactorError``, or `CancellationError` if the task was cancelled before.
            public let error: any Error
        }
    }
}
