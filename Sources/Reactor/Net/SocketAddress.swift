// Where a socket is: an IPv4 or IPv6 address and a port, or the name of a Unix socket.

/// The address of a socket: IPv4 or IPv6 with its port, or a Unix socket's path or name.
///
/// Made from text (`SocketAddress("[::1]:80")`), from an address and a port
/// (`SocketAddress(ip: "10.0.0.1", port: 80)`), from a path (`SocketAddress(path: "/run/x.sock")`),
/// or reported by a socket. A host *name* is not an address:
/// ``TCPStream/connect(host:port:options:resolver:)`` looks names up.
public struct SocketAddress: Hashable, Sendable {
    /// The protocol family of an address.
    public enum Family: Hashable, Sendable {
        /// Internet Protocol version 4.
        case ipv4
        /// Internet Protocol version 6.
        case ipv6
        /// A socket of this machine, with a path in the file system, an abstract name, or neither.
        case unix
    }

    /// IPv4, IPv6 or Unix.
    public var family: Family {
        switch storage {
        case .ip(let address): address.isIPv6 ? .ipv6 : .ipv4
        case .unix: .unix
        }
    }

    /// The port, from 0 to 65,535.
    ///
    /// Zero for a Unix socket.
    public var port: Int { if case .ip(let address) = storage { Int(address.port) } else { 0 } }

    /// The index of the interface that a link-local IPv6 address belongs to; otherwise 0.
    public var scopeID: UInt32 {
        if case .ip(let address) = storage { address.scopeID } else { 0 }
    }

    let storage: Storage

    /// 23 bytes: every stream keeps one.
    enum Storage: Hashable, Sendable {
        case ip(IP)
        /// As the kernel has it: a path without a terminator, a zero and the bytes of an abstract
        /// name, or nothing.
        case unix([UInt8])
    }

    /// In the order that packs it.
    struct IP: Hashable, Sendable {
        /// In network order; an IPv4 address is the first four bytes.
        var octets: Octets
        var scopeID: UInt32 = 0
        var port: UInt16
        var isIPv6: Bool
    }

    /// Sixteen bytes as two words: an inline, hashable stand-in for a tuple.
    struct Octets: Hashable, Sendable {
        var high: UInt64 = 0
        var low: UInt64 = 0
    }

    init(_ storage: Storage) { self.storage = storage }

    init(ipv4 octets: Octets, port: UInt16) {
        self.init(.ip(IP(octets: octets, port: port, isIPv6: false)))
    }

    init(ipv6 octets: Octets, port: UInt16, scopeID: UInt32 = 0) {
        self.init(.ip(IP(octets: octets, scopeID: scopeID, port: port, isIPv6: true)))
    }

    /// Parses a numeric address: `"127.0.0.1"`, `"::1"`, `"fe80::1%eth0"`.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for anything else: a name, an octal part, a
    ///   port out of range, an unknown interface.
    public init(ip: String, port: Int) throws(ReactorError) {
        guard let number = UInt16(exactly: port) else {
            throw ReactorError(.invalidArgument, "use port \(port): 0 to 65535 is possible")
        }
        guard let address = NumericAddress.parse(ip, port: number) else {
            throw ReactorError(.invalidArgument, "use \(ip.debugDescription) as an IP address")
        }
        self = address
    }

    /// Parses an address with its port, `"127.0.0.1:80"` or `"[::1]:80"`, or a Unix socket's path
    /// or abstract name, `"unix:/run/x.sock"` or `"unix:@name"`.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for anything else.
    public init(_ text: String) throws(ReactorError) {
        if text.hasPrefix(Self.unixPrefix) {
            self = try Self(unix: text.dropFirst(Self.unixPrefix.count))
            return
        }
        let refusal = ReactorError(
            .invalidArgument, "use \(text.debugDescription) as an address with a port")
        guard let colon = text.lastIndex(of: ":") else { throw refusal }
        let digits = text[text.index(after: colon)...]
        var host = text[..<colon]
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            throw refusal
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { throw refusal }
        } else if host.contains(":") {
            throw refusal
        }
        guard let address = NumericAddress.parse(String(host), port: port) else { throw refusal }
        self = address
    }

    /// The loopback address `127.0.0.1`.
    public static func loopback(port: UInt16) -> SocketAddress {
        SocketAddress(ipv4: Octets(high: 0x7F00_0001 << 32), port: port)
    }

    /// The address without its port, as ``init(ip:port:)`` takes it.
    ///
    /// Empty for a Unix socket.
    public var ip: String {
        if case .ip(let address) = storage { NumericAddress.text(of: address) } else { "" }
    }

    /// True for `0.0.0.0` and `::`: every address of this machine.
    var isWildcard: Bool {
        if case .ip(let address) = storage { address.octets == Octets() } else { false }
    }

    /// The same address with another port.
    ///
    /// A Unix socket's has none, and stays as it is.
    public func with(port: UInt16) -> SocketAddress {
        guard case .ip(var address) = storage else { return self }
        address.port = port
        return SocketAddress(.ip(address))
    }
}

extension SocketAddress: CustomStringConvertible {
    /// As ``init(_:)`` takes it: `127.0.0.1:80`, `[::1]:80`, `unix:/run/x.sock`, `unix:@name`.
    public var description: String {
        switch family {
        case .ipv4: "\(ip):\(port)"
        case .ipv6: "[\(ip)]:\(port)"
        case .unix: unixDescription
        }
    }
}
