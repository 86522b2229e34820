// What can be set on a UDP socket.

/// Options of a UDP socket.
///
/// `nil` leaves the system's own setting.
public struct UDPOptions: Sendable, Hashable {
    /// Lets other sockets that say so too use the same address (SO_REUSEADDR).
    ///
    /// For receivers of multicasts, each of which gets every datagram. Of all others only the last
    /// one bound gets any.
    public var reuseAddress = false
    /// Lets other sockets that say so too use the same port (SO_REUSEPORT).
    ///
    /// Linux shares the senders out among them.
    public var reusePort = false
    /// An IPv6 address takes nothing from IPv4 senders.
    public var ipv6Only = false
    /// Lets datagrams be sent to broadcast addresses (SO_BROADCAST).
    public var allowsBroadcast = false
    /// How many hops a datagram may make, 1 to 255 (IP_TTL, IPV6_UNICAST_HOPS).
    public var timeToLive: Int?
    /// How many hops a multicast may make, 0 to 255 (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS).
    public var multicastTimeToLive: Int?
    /// Whether receivers on this machine get the multicasts sent (IP_MULTICAST_LOOP).
    public var multicastLoopback: Bool?
    /// The name of the interface for multicasts sent (IP_MULTICAST_IF).
    public var multicastInterface: String?
    /// The kernel's receive buffer in bytes (SO_RCVBUF); Linux doubles it.
    public var receiveBufferBytes: Int?
    /// The kernel's send buffer in bytes (SO_SNDBUF); Linux doubles it.
    public var sendBufferBytes: Int?
    /// The address to connect from.
    ///
    /// Not for `bind`.
    public var localAddress: SocketAddress?
    /// The network interface to use (SO_BINDTODEVICE); Linux only, and for privileged users.
    public var device: String?
    /// The type-of-service or traffic-class byte (IP_TOS, IPV6_TCLASS).
    public var typeOfService: UInt8?

    /// For tests: one system call a datagram, as on systems without calls for many.
    var sendsAndReceivesSingly = false

    /// The defaults.
    public init() {}
}

extension Descriptor {
    /// A datagram socket with its options, bound or connected, and its address. Nothing is left if
    /// this throws.
    static func datagrams(
        at local: SocketAddress?, to peer: SocketAddress?, _ options: UDPOptions
    ) throws(ReactorError) -> (Descriptor, SocketAddress) {
        let family = peer?.family ?? local?.family ?? .ipv4
        if family == .unix {
            throw ReactorError(
                .familyNotSupported, "use \((peer ?? local).map { "\($0)" } ?? "") for datagrams")
        }
        if let local, local.family != family {
            throw ReactorError(
                .familyNotSupported, "connect from \(local) to \(peer.map { "\($0)" } ?? "")")
        }
        let descriptor = try datagramSocket(family)
        do throws(ReactorError) {
            try descriptor.apply(options, family)
            if let local { try descriptor.bind(to: local) }
            if let peer { _ = try descriptor.connect(to: peer) }
            guard let address = try descriptor.localAddress() else {
                throw ReactorError(.familyNotSupported, "get a socket's address")
            }
            return (descriptor, address)
        } catch {
            descriptor.close()
            throw error
        }
    }

    private func apply(
        _ options: UDPOptions, _ family: SocketAddress.Family
    ) throws(ReactorError) {
        if options.reuseAddress { try allowRebinding() }
        if options.reusePort { try sharePort() }
        if family == .ipv6 { try setIPv6Only(options.ipv6Only) }
        if options.allowsBroadcast { try allowBroadcast() }
        if let hops = options.timeToLive {
            try setTimeToLive(try Self.hops(hops, from: 1), family)
        }
        if let hops = options.multicastTimeToLive {
            try setMulticastTimeToLive(try Self.hops(hops, from: 0), family)
        }
        if let on = options.multicastLoopback { try setMulticastLoopback(on, family) }
        if let name = options.multicastInterface { try setMulticastInterface(name, family) }
        if let bytes = options.receiveBufferBytes { try setBuffer(.receive, bytes) }
        if let bytes = options.sendBufferBytes { try setBuffer(.send, bytes) }
        if let device = options.device { try bind(toDevice: device) }
        if let byte = options.typeOfService { try setTypeOfService(byte, family) }
    }

    private static func hops(_ hops: Int, from least: Int) throws(ReactorError) -> Int32 {
        guard (least...255).contains(hops) else {
            throw ReactorError(
                .invalidArgument, "let datagrams make \(hops) hops: \(least) to 255 is possible")
        }
        return Int32(hops)
    }
}
