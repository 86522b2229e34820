// Datagram sockets: made, set up, put into multicast groups.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// A non-blocking datagram socket that children do not inherit.
    static func datagramSocket(_ family: SocketAddress.Family) throws(ReactorError) -> Descriptor {
        let domain = NumericAddress.domain(family)
        return Descriptor(
            number: try status(reactor_datagram_socket(domain), else: "create a datagram socket"))
    }

    /// True if the kernel cuts large sends into datagrams.
    var canSegment: Bool { reactor_can_segment(number) }

    /// How many datagrams the kernel has dropped for want of room; `nil` where it does not tell.
    var droppedDatagrams: Int? {
        let count = reactor_datagram_drops(number)
        return count < 0 ? nil : Int(count)
    }

    func allowBroadcast() throws(ReactorError) {
        try setOption(SOL_SOCKET, SO_BROADCAST, Int32(1), "allow broadcasts")
    }

    func setTimeToLive(_ hops: Int32, _ family: SocketAddress.Family) throws(ReactorError) {
        if family == .ipv4 {
            try setOption(Int32(IPPROTO_IP), IP_TTL, hops, "set the time to live")
        } else {
            try setOption(Int32(IPPROTO_IPV6), IPV6_UNICAST_HOPS, hops, "set the hop limit")
        }
    }

    func setMulticastTimeToLive(
        _ hops: Int32, _ family: SocketAddress.Family
    ) throws(ReactorError) {
        let what = "set the time to live of multicasts"
        if family == .ipv4 {
            try setOption(Int32(IPPROTO_IP), IP_MULTICAST_TTL, hops, what)
        } else {
            try setOption(Int32(IPPROTO_IPV6), IPV6_MULTICAST_HOPS, hops, what)
        }
    }

    func setMulticastLoopback(
        _ on: Bool, _ family: SocketAddress.Family
    ) throws(ReactorError) {
        let value: Int32 = on ? 1 : 0
        let what = "set the loopback of multicasts"
        if family == .ipv4 {
            try setOption(Int32(IPPROTO_IP), IP_MULTICAST_LOOP, value, what)
        } else {
            try setOption(Int32(IPPROTO_IPV6), IPV6_MULTICAST_LOOP, value, what)
        }
    }

    func setMulticastInterface(
        _ name: String, _ family: SocketAddress.Family
    ) throws(ReactorError) {
        let index = try Self.interfaceIndex(name)
        try Self.status(
            reactor_multicast_interface(number, family == .ipv6, index),
            else: "send multicasts through \(name)")
    }

    /// Joins a multicast group, or leaves it; without a name the system chooses the interface.
    func multicast(
        _ group: SocketAddress, on interface: String?, joins: Bool
    ) throws(ReactorError) {
        var index: UInt32 = 0
        if let interface { index = try Self.interfaceIndex(interface) }
        try Self.status(
            reactor_multicast(number, reactor_address(group), index, joins),
            else: "\(joins ? "join" : "leave") the group \(group.ip)")
    }

    private static func interfaceIndex(_ name: String) throws(ReactorError) -> UInt32 {
        if !name.utf8.contains(0) {
            // SAFETY: the call reads a terminated string that lives through it.
            let index = unsafe if_nametoindex(name)
            if index > 0 { return index }
        }
        throw ReactorError(.invalidArgument, "use \(name.debugDescription) as an interface")
    }
}
