// What the kernel knows of a TCP connection.

/// The state of a TCP connection at one moment, as the kernel sees it.
public struct TCPInformation: Sendable, Hashable {
    /// Where a connection is between its first and last packet.
    public enum State: UInt32, Sendable, Hashable {
        /// Open both ways.
        case established = 1
        /// Asked for, not answered.
        case connecting
        /// Asked for by the peer.
        case accepting
        /// This side has finished; not acknowledged yet.
        case finishing
        /// This side has finished; the peer goes on.
        case finished
        /// Over; kept for packets that come late.
        case lingering
        /// Gone.
        case closed
        /// The peer has finished; this side goes on.
        case peerFinished
        /// The peer had finished, and so has this side.
        case lastAcknowledgement
        /// It listens.
        case listening
        /// Both sides have finished at once.
        case closing
    }

    /// Where it is; `nil` for a state that is newer than this library.
    public var state: State?
    /// The smoothed round-trip time.
    public var roundTripTime: Duration
    /// How much that varies.
    public var roundTripVariation: Duration
    /// How many segments may be under way.
    public var congestionWindow: Int
    /// The bytes of a segment to the peer.
    public var segmentBytes: Int
    /// Segments that are under way.
    public var unacknowledgedSegments: Int
    /// Segments that are held to be lost.
    public var lostSegments: Int
    /// Segments sent again, since the connection began.
    public var retransmissions: Int
    /// The time since bytes were last sent.
    public var sinceLastSent: Duration
    /// The time since bytes last came.
    public var sinceLastReceived: Duration
}

extension TCPStream {
    /// What the kernel knows of this connection now.
    ///
    /// Suspends only away from the loop.
    ///
    /// - Throws: ``ReactorError/Code/closed``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`; ``ReactorError/Code/notSupported`` and the like where the system does
    ///   not say.
    ///
    /// libuv: none; `TCP_INFO`.
    public func information() async throws -> TCPInformation {
        try Task.checkCancellation()
        return try await loop.make { [handle] in
            let stream = handle.here
            guard !stream.isClosed else { throw stream.error(.closed, "look at") }
            return try stream.descriptor.tcpInformation()
        }
    }
}
