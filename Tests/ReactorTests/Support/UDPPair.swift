// Datagram sockets over loopback for tests, with both ways to receive and send.

import Testing

@testable import Reactor

/// How a socket makes its system calls: many datagrams at a time, or one, as on other systems.
enum UDPCalls: CaseIterable, Sendable, CustomTestStringConvertible {
    case many, singly

    var testDescription: String { self == .many ? "recvmmsg" : "recvmsg" }

    var options: UDPOptions {
        var options = UDPOptions()
        options.sendsAndReceivesSingly = self == .singly
        return options
    }
}

/// A bound socket, and one that is connected to it, on the current loop.
func udpPair(
    _ calls: UDPCalls = .many, _ change: (inout UDPOptions) -> Void = { _ in }
) async throws -> (server: UDPSocket, client: UDPSocket) {
    var options = calls.options
    change(&options)
    let server = try await UDPSocket.bind(to: .loopback(port: 0), options: options)
    return (server, try await UDPSocket.connect(to: server.localAddress, options: options))
}

/// An address on loopback where nobody is.
func deserted() async throws -> SocketAddress {
    // An address that no other test binds: one of theirs could get the number.
    let bytes = (0..<3).map { _ in String(Int.random(in: 1...254)) }.joined(separator: ".")
    let socket = try await UDPSocket.bind(to: SocketAddress("127.\(bytes):0"))
    let address = socket.localAddress
    socket.close()
    // A child that another test is starting holds a copy until it runs its program.
    let probe = try await UDPSocket.connect(to: address)
    defer { probe.close() }
    try await until { await failure(of: { try await probe.send([0]) }) == .connectionRefused }
    return address
}

extension UDPSocket {
    /// The loop's side; on its loop only.
    var core: UDPCore { handle.here }
}
