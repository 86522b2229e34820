// Addresses between text and value: what is taken, what is refused, what comes back.

import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", SocketAddress.Family.ipv4, "127.0.0.1", 80),
        ("0.0.0.0:0", .ipv4, "0.0.0.0", 0),
        ("255.255.255.255:65535", .ipv4, "255.255.255.255", 65_535),
        ("[::1]:80", .ipv6, "::1", 80),
        ("[::]:0", .ipv6, "::", 0),
        ("[2001:db8::a:0:1]:443", .ipv6, "2001:db8::a:0:1", 443),
        ("[::ffff:10.0.0.1]:1", .ipv6, "::ffff:10.0.0.1", 1),
    ])
    func `what is parsed prints as it was`(
        _ text: String, _ family: SocketAddress.Family, _ ip: String, _ port: Int
    ) throws {
        let address = try SocketAddress(text)
        #expect(address.family == family)
        #expect(address.ip == ip)
        #expect(address.port == port)
        #expect(address.description == text)
        #expect(try SocketAddress(ip: ip, port: port) == address)
    }

    @Test(arguments: [
        ("[2001:DB8:0:0::1]:443", "[2001:db8::1]:443"), ("[0:0:0:0:0:0:0:0]:5", "[::]:5"),
        ("[::1.2.3.4]:7", "[::1.2.3.4]:7"), ("127.0.0.1:0080", "127.0.0.1:80"),
    ])
    func `other spellings print in the usual one`(_ text: String, _ usual: String) throws {
        #expect(try SocketAddress(text).description == usual)
    }

    @Test(arguments: [
        "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:+80", "127.0.0.1: 80", "127.0.0.1:80 ", " 127.0.0.1:80", "127.0.0.1:0x50",
        "127.0.0.1:８０", "127.0.0.1:99999999999999999999", "127.0.0.1:80\0", "127.0.0.1\0:80",
        "127.0.0:80", "127.1:80", "127.0.0.0.1:80", "256.0.0.1:80", "0177.0.0.1:80",
        "0x7f.0.0.1:80", "2130706433:80", "localhost:80", "::1:80", "[::1]", "[::1]80", "::1]:80",
        "[::1:80", "[[::1]]:80", "[127.0.0.1]:80", "[]:80", "[:::]:80", "[1::2::3]:80",
        "[12345::]:80", "[1:2:3:4:5:6:7:8:9]:80", "[fe80::1%]:80", "[fe80::1%no-such]:80",
        "[fe80::1%+1]:80", "[fe80::1%-1]:80", "[fe80::1%99999999999]:80", "[%lo]:80",
        "127.0.0.1%lo:80", "unix:", "unix:@", "unix:a\0b", "unix:@a\\", "unix:@\\x0", "unix:@\\y00",
        "unix:/" + String(repeating: "x", count: 107), "unix", "unixx:/a",
    ])
    func `anything else is refused`(_ text: String) {
        let error = #expect(throws: ReactorError.self) { try SocketAddress(text) }
        #expect(error?.code == .invalidArgument)
    }

    @Test(arguments: [-1, 65_536, Int.min, Int.max])
    func `a port out of range is refused`(_ port: Int) {
        let error = #expect(throws: ReactorError.self) {
            try SocketAddress(ip: "127.0.0.1", port: port)
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.description.contains("\(port)") == true)
    }

    @Test(arguments: ["", "[::1]", "127.0.0.1:80", "example.com", "::1%", "1.2.3.4\n"])
    func `an address alone is refused where it is none`(_ ip: String) {
        let error = #expect(throws: ReactorError.self) { try SocketAddress(ip: ip, port: 1) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func `an interface is taken by name or number, and printed by name`() throws {
        let byName = try SocketAddress("[fe80::1%lo]:80")
        let byNumber = try SocketAddress(ip: "fe80::1%\(byName.scopeID)", port: 80)
        #expect(byName.scopeID > 0)
        #expect(byName == byNumber)
        #expect(byNumber.description == "[fe80::1%lo]:80")
        let unknown = try SocketAddress(ip: "fe80::1%987654", port: 80)
        #expect(unknown.description == "[fe80::1%987654]:80")
    }

    @Test func `equal addresses hash alike, others differ`() throws {
        let texts = [
            "127.0.0.1:80", "127.0.0.1:81", "127.0.0.2:80", "[::1]:80", "[::1%1]:80",
            "[::ffff:127.0.0.1]:80", "[7f00:1::]:80", "0.0.0.0:80", "[::]:80",
        ]
        let addresses = try texts.map { try SocketAddress($0) }
        #expect(Set(addresses).count == texts.count)
        #expect(try Set(addresses + texts.map { try SocketAddress($0) }).count == texts.count)
    }

    @Test func `the shorthands mean what they say`() throws {
        #expect(try SocketAddress.loopback(port: 7) == SocketAddress("127.0.0.1:7"))
        #expect(try SocketAddress("[::1%1]:7").with(port: 8) == SocketAddress("[::1%1]:8"))
    }

    @Test(arguments: ["127.0.0.1:0", "[::1]:0"])
    func `the kernel's form leads back to the same address`(_ text: String) throws {
        let address = try SocketAddress(text)
        guard address.family == .ipv4 || hasIPv6 else { return Skip.note("no IPv6 loopback") }
        let descriptor = try Descriptor.streamSocket(address.family)
        defer { descriptor.close() }
        try descriptor.bind(to: address)
        let local = try #require(try descriptor.localAddress())
        #expect(local.port > 0)
        #expect(local.with(port: 0) == address)
    }
}

/// Whether `::1` can be bound.
let hasIPv6: Bool = {
    guard let socket = try? Descriptor.streamSocket(.ipv6) else { return false }
    defer { socket.close() }
    guard let address = try? SocketAddress("[::1]:0") else { return false }
    return (try? socket.bind(to: address)) != nil
}()
