// What can be set on a TCP socket.

/// Options of a TCP connection, or of every connection that a listener accepts.
///
/// `nil` leaves the system's own setting.
public struct TCPOptions: Sendable, Hashable {
    /// Keep-alive probes: how a dead peer is noticed on a connection that is quiet.
    public struct KeepAlive: Sendable, Hashable {
        /// The quiet time before the first probe; whole seconds, at least one.
        public var idle: Duration
        /// The time between probes; whole seconds, at least one.
        public var interval: Duration
        /// How many unanswered probes end the connection.
        public var count: Int

        /// Probes after `idle`, then every `interval`, `count` times.
        public init(
            idle: Duration = .seconds(60), interval: Duration = .seconds(10), count: Int = 6
        ) {
            self.idle = idle
            self.interval = interval
            self.count = count
        }
    }

    /// Sends small writes at once instead of gathering them (TCP_NODELAY).
    ///
    /// On by default.
    public var noDelay = true
    /// Keep-alive probes; none by default.
    public var keepAlive: KeepAlive?
    /// How long the kernel's own `close` may go on sending (SO_LINGER), in whole seconds.
    public var linger: Duration?
    /// The kernel's receive buffer in bytes (SO_RCVBUF); Linux doubles it.
    public var receiveBufferBytes: Int?
    /// The kernel's send buffer in bytes (SO_SNDBUF); Linux doubles it.
    public var sendBufferBytes: Int?
    /// The address to connect from.
    ///
    /// Not for listeners.
    public var localAddress: SocketAddress?
    /// The network interface to use (SO_BINDTODEVICE); Linux only, and for privileged users.
    public var device: String?
    /// The type-of-service or traffic-class byte (IP_TOS, IPV6_TCLASS).
    public var typeOfService: UInt8?

    /// How long an attempt to connect to one address of a host may take before the next address is
    /// tried beside it (RFC 8305); 10 ms at least.
    ///
    /// Not for listeners.
    public var attemptDelay = Duration.milliseconds(250)

    /// The defaults.
    public init() {}
}

extension Descriptor {
    /// Sets what `options` names; refuses values that the system would truncate.
    func apply(_ options: TCPOptions, _ family: SocketAddress.Family) throws(ReactorError) {
        if options.noDelay { try setNoDelay(true) }
        if let keepAlive = options.keepAlive { try setKeepAlive(keepAlive) }
        if let linger = options.linger { try setLinger(linger) }
        if let bytes = options.receiveBufferBytes { try setBuffer(.receive, bytes) }
        if let bytes = options.sendBufferBytes { try setBuffer(.send, bytes) }
        if let device = options.device { try bind(toDevice: device) }
        if let byte = options.typeOfService { try setTypeOfService(byte, family) }
    }

    private func setKeepAlive(_ probes: TCPOptions.KeepAlive) throws(ReactorError) {
        guard let idle = Self.seconds(probes.idle), let interval = Self.seconds(probes.interval),
            idle > 0, interval > 0, let count = Int32(exactly: probes.count), count > 0
        else {
            throw ReactorError(.invalidArgument, "set keep-alive to \(probes)")
        }
        try setKeepAlive(idle: idle, interval: interval, count: count)
    }

    private func setLinger(_ limit: Duration) throws(ReactorError) {
        guard let seconds = Self.seconds(limit), seconds >= 0 else {
            throw ReactorError(.invalidArgument, "linger for \(limit)")
        }
        try setLinger(seconds: seconds)
    }

    /// Whole seconds, rounded up; `nil` beyond what the kernel takes.
    private static func seconds(_ duration: Duration) -> Int32? {
        // Not `components`, which traps for durations beyond Int64 seconds.
        let (seconds, rest) = duration.attoseconds.quotientAndRemainder(
            dividingBy: 1_000_000_000_000_000_000)
        guard duration >= .zero, seconds < 32_767 else { return nil }
        return Int32(seconds) + (rest > 0 ? 1 : 0)
    }
}
