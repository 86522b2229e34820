// Socket options under English names.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// A port whose last owner has closed can be bound at once.
    func allowRebinding() throws(ReactorError) { try setOption(SOL_SOCKET, SO_REUSEADDR, Int32(1)) }

    /// Several sockets may listen on the same port.
    func sharePort() throws(ReactorError) { try setOption(SOL_SOCKET, SO_REUSEPORT, Int32(1)) }

    /// An IPv6 socket that takes no IPv4 connections, or does.
    func setIPv6Only(_ on: Bool) throws(ReactorError) {
        try setOption(Int32(IPPROTO_IPV6), IPV6_V6ONLY, Int32(on ? 1 : 0))
    }

    func setNoDelay(_ on: Bool) throws(ReactorError) {
        try setOption(Int32(IPPROTO_TCP), TCP_NODELAY, Int32(on ? 1 : 0), "set no-delay")
    }

    func setKeepAlive(idle: Int32, interval: Int32, count: Int32) throws(ReactorError) {
        let tcp = Int32(IPPROTO_TCP)
        #if canImport(Darwin)
        let idleOption = TCP_KEEPALIVE
        #else
        let idleOption = TCP_KEEPIDLE
        #endif
        try setOption(SOL_SOCKET, SO_KEEPALIVE, Int32(1), "set keep-alive")
        try setOption(tcp, idleOption, idle, "set keep-alive's idle time")
        try setOption(tcp, TCP_KEEPINTVL, interval, "set keep-alive's interval")
        try setOption(tcp, TCP_KEEPCNT, count, "set keep-alive's count")
    }

    func setLinger(seconds: Int32) throws(ReactorError) {
        try setOption(
            SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: seconds), "set linger")
    }

    /// Makes the coming `close` send a reset instead of an orderly end.
    func resetOnClose() {
        // A socket that refuses has no connection to reset.
        try? setLinger(seconds: 0)
    }

    enum Buffer { case receive, send }

    func setBuffer(_ buffer: Buffer, _ bytes: Int) throws(ReactorError) {
        guard let size = Int32(exactly: bytes), size > 0 else {
            throw ReactorError(.invalidArgument, "set a socket buffer to \(bytes) bytes")
        }
        try setOption(
            SOL_SOCKET, buffer == .send ? SO_SNDBUF : SO_RCVBUF, size, "set a socket buffer")
    }

    func setTypeOfService(
        _ byte: UInt8, _ family: SocketAddress.Family
    ) throws(ReactorError) {
        switch family {
        case .ipv4:
            try setOption(Int32(IPPROTO_IP), IP_TOS, Int32(byte), "set the type of service")
        case .ipv6:
            try setOption(Int32(IPPROTO_IPV6), IPV6_TCLASS, Int32(byte), "set the traffic class")
        case .unix: throw ReactorError(.notSupported, "set the type of service")
        }
    }
}
