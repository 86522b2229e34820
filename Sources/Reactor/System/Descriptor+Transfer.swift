// Moving bytes between descriptors inside the kernel. Counts, or negated errnos.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// Sends bytes of a file to this socket.
    func send(file: Descriptor, at offset: Int, count: Int) -> Int {
        Self.retrying { reactor_send_file(number, file.number, Int64(offset), count) }
    }

    /// Moves bytes from this descriptor to another; one of the two is a pipe.
    func splice(to other: Descriptor, count: Int) -> Int {
        Self.retrying { reactor_splice(number, other.number, count) }
    }

    /// Reads bytes of a file from `offset` on.
    func read(at offset: Int, into memory: BorrowedMemory) -> Int {
        // SAFETY: `memory` outlives this call, which keeps no pointer.
        Self.retrying {
            unsafe reactor_read_at(number, memory.base, memory.count, Int64(offset))
        }
    }

    /// True if these bytes of a file need not be waited for.
    func isCached(at offset: Int, count: Int) -> Bool {
        reactor_is_cached(number, Int64(offset), count)
    }

    /// Makes a pipe hold more at a time, where the system allows.
    func setPipeSize(_ bytes: Int32) { _ = reactor_set_pipe_size(number, bytes) }

    private static func retrying(_ call: () -> Int) -> Int {
        while true {
            let count = call()
            if count >= 0 { return count }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// True for answers that say "not between these two, or not on this system".
    static func isUnsupported(_ status: Int) -> Bool {
        [-Int(EINVAL), -Int(ENOSYS), -Int(EOPNOTSUPP)].contains(status)
    }

    /// What the kernel knows of a TCP connection.
    func tcpState() throws(ReactorError) -> reactor_tcp_state {
        var state = reactor_tcp_state()
        // SAFETY: the call fills a live variable.
        try Self.status(
            unsafe reactor_tcp_state(number, &state), else: "get the state of a connection")
        return state
    }

    /// How long a TCP connection has carried no bytes, either way.
    func idleTime() throws(ReactorError) -> Duration {
        let state = try tcpState()
        return .milliseconds(Int(min(state.since_sent, state.since_received)))
    }

    /// True for a stream socket.
    func isStreamSocket() throws(ReactorError) -> Bool {
        #if canImport(Darwin)
        let stream = SOCK_STREAM
        #else
        let stream = Int32(SOCK_STREAM.rawValue)
        #endif
        let type: Int32 = try option(SOL_SOCKET, SO_TYPE)
        return type == stream
    }
}

extension Descriptor {
    func tcpInformation() throws(ReactorError) -> TCPInformation {
        let state = try tcpState()
        return TCPInformation(
            state: .init(rawValue: state.state),
            roundTripTime: .microseconds(Int(state.round_trip)),
            roundTripVariation: .microseconds(Int(state.round_trip_variation)),
            congestionWindow: Int(state.congestion_window),
            segmentBytes: Int(state.segment_bytes),
            unacknowledgedSegments: Int(state.unacknowledged), lostSegments: Int(state.lost),
            retransmissions: Int(state.retransmissions),
            sinceLastSent: .milliseconds(Int(state.since_sent)),
            sinceLastReceived: .milliseconds(Int(state.since_received)))
    }
}
