// Where a socket is: an IPv4 or IPv6 address and a port.

/// The address of a socket: IPv4 or IPv6, with its port.
///
/// Made from text (`SocketAddress("[::1]:80")`), from an address and a port
/// (`SocketAddress(ip: "10.0.0.1", port: 80)`), or reported by a socket. A host *name* is not an
/// address: ``TCPStream/connect(host:port:options:)`` looks names up.
public struct SocketAddress: Hashable, Sendable {
    /// The protocol family of an address.
    public enum Family: Hashable, Sendable {
        /// Internet Protocol version 4.
        case ipv4
        /// Internet Protocol version 6.
        case ipv6
    }

    /// The port, from 0 to 65,535.
    public var port: Int { Int(portNumber) }

    // In the order that packs them into 23 bytes: every stream keeps two.

    /// The address, in network order; an IPv4 address is the first four bytes.
    let octets: Octets

    /// The index of the interface that a link-local IPv6 address belongs to; otherwise 0.
    public let scopeID: UInt32

    private let portNumber: UInt16

    /// IPv4 or IPv6.
    public let family: Family

    /// Sixteen bytes as two words: an inline, hashable stand-in for a tuple.
    struct Octets: Hashable, Sendable {
        var high: UInt64 = 0
        var low: UInt64 = 0
    }

    init(family: Family, octets: Octets, port: UInt16, scopeID: UInt32 = 0) {
        self.family = family
        self.octets = octets
        portNumber = port
        self.scopeID = scopeID
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

    /// Parses an address with its port: `"127.0.0.1:80"`, `"[::1]:80"`.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for anything else.
    public init(_ text: String) throws(ReactorError) {
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
        SocketAddress(family: .ipv4, octets: Octets(high: 0x7F00_0001 << 32), port: port)
    }

    /// The address without its port, as ``init(ip:port:)`` takes it.
    public var ip: String { NumericAddress.text(of: self) }

    /// True for `0.0.0.0` and `::`: every address of this machine.
    var isWildcard: Bool { octets == Octets() }

    /// The same address with another port.
    public func with(port: UInt16) -> SocketAddress {
        SocketAddress(family: family, octets: octets, port: port, scopeID: scopeID)
    }
}

extension SocketAddress: CustomStringConvertible {
    /// As ``init(_:)`` takes it: `127.0.0.1:80`, `[::1]:80`.
    public var description: String {
        family == .ipv6 ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}
