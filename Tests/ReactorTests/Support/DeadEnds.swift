// Addresses at which connecting fails: nobody listens, or nobody ever answers.

import Testing
@testable import Reactor

/// A port on which nobody listens, for as long as nobody else gets it.
func closedPort(
    _ family: SocketAddress.Family = .ipv4
) throws -> (SocketAddress, Descriptor) {
    let socket = try Descriptor.streamSocket(family)
    do {
        try socket.bind(to: family == .ipv4 ? .loopback(port: 0) : SocketAddress("[::1]:0"))
        return (try #require(try socket.localAddress()), socket)
    } catch {
        socket.close()
        throw error
    }
}

/// A listener whose backlog is full: the kernel drops whoever comes next.
func blackhole(
    _ family: SocketAddress.Family = .ipv4
) throws -> (SocketAddress, [Descriptor]) {
    let (_, listener) = try closedPort(family)
    let address = try #require(try listener.localAddress())
    try listener.listen(backlog: 1, at: address)
    var open = [listener]
    for _ in 0..<8 {
        let client = try Descriptor.streamSocket(family)
        _ = try client.connect(to: address)
        open.append(client)
    }
    return (address, open)
}

/// A resolver that knows one name.
struct FixedResolver: Resolver {
    let answer: [SocketAddress]
    func addresses(of host: String, port: Int) async throws -> [SocketAddress] { answer }
}

/// Whether this machine has an IPv6 loopback.
func hasIPv6Loopback() -> Bool {
    guard let (_, socket) = try? closedPort(.ipv6) else { return false }
    socket.close()
    return true
}
