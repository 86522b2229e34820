// Listeners, connections, datagrams and names that never come.

import CFaults
import Foundation
import SystemPackage
import Testing

@testable import Reactor

extension Operation {
    private static let home = SocketAddress.loopback(port: 0)

    /// Where connections and datagrams come from.
    static let sockets =
        [
            accepting("TCPListener.accept()") { _ = try await $0.accept() },
            Operation(
                "TCPListener.Connections.AsyncIterator.next()",
                "TCPListener.Connections.AsyncIterator.next(isolation:)"
            ) { attempt in
                let listener = try await TCPListener.bind(to: home)
                try await attempt { for try await _ in listener.connections {} }
                listener.close()
            },
            Operation("UnixListener.accept()") { attempt in
                let listener = try await UnixListener.bind(to: try anyName())
                try await attempt { _ = try await listener.accept() }
                let stream = try await UnixStream.connect(to: listener.localAddress)
                await (try await listener.accept()).close()
                await stream.close()
                listener.close()
            },
            Operation(
                "UnixListener.Connections.AsyncIterator.next()",
                "UnixListener.Connections.AsyncIterator.next(isolation:)"
            ) { attempt in
                let listener = try await UnixListener.bind(to: try anyName())
                try await attempt { for try await _ in listener.connections {} }
                listener.close()
            },
            // It closes its listener, once it has begun.
            Operation("TCPListener.serve(limit:drain:_:)") { attempt in
                let listener = try await TCPListener.bind(to: home)
                try await attempt { try await listener.serve { _ in try await forever() } }
                // From elsewhere it may not have begun.
                if [.deadline, .cancellation].contains(attempt.ending) {
                    await expect(.closed) { try await listener.accept() }
                }
                listener.close()
            },
            Operation("UnixListener.serve(limit:drain:_:)") { attempt in
                let listener = try await UnixListener.bind(to: try anyName())
                try await attempt { try await listener.serve { _ in try await forever() } }
                listener.close()
            },
            Operation("TCPListener.serve(on:limit:drain:_:)") { attempt in
                let group = try EventLoopGroup(count: 2)
                let listener = try await TCPListener.bind(to: home, reusePort: true)
                do { try await attempt { try await listener.serve(on: group) { _ in } } } catch {
                    await group.shutdown()
                    throw error
                }
                listener.close()
                await group.shutdown()
            },
            Operation("TCPListener.bind(to:backlog:reusePort:ipv6Only:options:)", kind: .prompt) {
                try await $0 { _ = try await TCPListener.bind(to: home) }
            },
            Operation("TCPListener.bind(host:port:backlog:reusePort:ipv6Only:options:resolver:)") {
                try await $0 {
                    _ = try await TCPListener.bind(
                        host: "name", port: 1, resolver: SilentResolver())
                }
            },
            Operation("TCPListener.statistics()", kind: .prompt) { attempt in
                let listener = try await TCPListener.bind(to: home)
                try await attempt { _ = try await listener.statistics() }
                listener.close()
            },
            Operation("UnixListener.statistics()", kind: .prompt) { attempt in
                let listener = try await UnixListener.bind(to: try anyName())
                try await attempt { _ = try await listener.statistics() }
                listener.close()
            },
            Operation("UnixListener.bind(to:mode:backlog:options:)", kind: .prompt) { attempt in
                let name = try anyName()
                try await attempt { _ = try await UnixListener.bind(to: name) }
            },
            Operation(
                "UnixListener.bind(path:mode:backlog:options:)", kind: .prompt
            ) { attempt in
                try await withDirectory { directory in
                    let path = directory.appending("socket")
                    try await attempt { _ = try await UnixListener.bind(path: path) }
                    #expect(try ReactorTests.names(in: directory).isEmpty)
                }
            },
        ] + datagrams

    private static func accepting(
        _ name: String, _ call: @escaping @Sendable (TCPListener) async throws -> Void
    ) -> Operation {
        Operation(name) { attempt in
            let listener = try await TCPListener.bind(to: home)
            try await attempt { try await call(listener) }
            let stream = try await TCPStream.connect(to: listener.localAddress)
            await (try await listener.accept()).close()
            await stream.close()
            listener.close()
        }
    }

    // MARK: Datagrams

    private static let datagrams =
        [
            receiving("receive(upTo:)") { _ = try await $0.receive() },
            receiving("receive(into:)") { socket in
                var buffer = [UInt8](repeating: 0, count: 10)
                _ = try await socket.receive(into: &buffer)
            },
            receiving("receive(into:)") { socket in
                var buffer = [UInt8](repeating: 0, count: 10)
                var span = buffer.mutableSpan
                _ = try await socket.receive(into: &span)
            },
            receiving("receiveBatch(upTo:)") { _ = try await $0.receiveBatch() },
            receiving("Datagrams.AsyncIterator.next()") { for try await _ in $0.datagrams {} },
            receiving("Datagrams.AsyncIterator.next(isolation:)") {
                for try await _ in $0.datagrams {}
            },
            sending("send(_:)") { socket, _ in try await socket.send([1]) },
            sending("send(_:)") { socket, _ in try await socket.send([1].span) },
            sending("send(_:)") { socket, _ in try await socket.send("text") },
            sending("sendBatch(_:)") { socket, _ in
                _ = try await socket.sendBatch([.init([1]), .init([2])])
            },
            sending("send(_:to:)", connected: false) { try await $0.send([1], to: $1) },
            sending("send(_:to:)", connected: false) { try await $0.send([1].span, to: $1) },
            sending("send(_:to:)", connected: false) { try await $0.send("text", to: $1) },
        ] + [
            Operation("UDPSocket.bind(to:options:)", kind: .prompt) {
                try await $0 { _ = try await UDPSocket.bind(to: home) }
            },
            Operation("UDPSocket.connect(to:options:)", kind: .prompt) {
                try await $0 { _ = try await UDPSocket.connect(to: .loopback(port: 9)) }
            },
            Operation("UDPSocket.bind(host:port:options:resolver:)") {
                try await $0 {
                    _ = try await UDPSocket.bind(host: "name", port: 1, resolver: SilentResolver())
                }
            },
            Operation("UDPSocket.connect(host:port:options:resolver:)") {
                try await $0 {
                    _ = try await UDPSocket.connect(
                        host: "name", port: 1, resolver: SilentResolver())
                }
            },
            prompt("join(_:on:)") { try await $0.join(SocketAddress("224.0.0.251:0")) },
            prompt("leave(_:on:)") { try await $0.leave(SocketAddress("224.0.0.251:0")) },
            prompt("statistics()") { _ = try await $0.statistics() },
        ]

    private static func receiving(
        _ name: String, _ call: @escaping @Sendable (UDPSocket) async throws -> Void
    ) -> Operation {
        Operation("UDPSocket.\(name)") { attempt in
            let (server, client) = try await udpPair()
            try await attempt { try await call(server) }
            try await client.send([7])
            #expect(try await server.receive().bytes == [7])
            server.close()
            client.close()
        }
    }

    /// On loopback a socket has always room: the kernel is made to say that it has none.
    private static func sending(
        _ name: String, connected: Bool = true,
        _ call: @escaping @Sendable (UDPSocket, SocketAddress) async throws -> Void
    ) -> Operation {
        Operation("UDPSocket.\(name)", kind: .waitsWithFaults) { attempt in
            let (server, client) = try await udpPair()
            let calls = [FAULTS_SENDTO, FAULTS_SENDMSG, FAULTS_SENDMMSG, FAULTS_SEND]
            for call in calls { faults_fail(call, EAGAIN, .max) }
            let socket = connected ? client : server
            let address = connected ? server.localAddress : client.localAddress
            try await attempt { try await call(socket, address) }
            for call in calls { faults_fail(call, EAGAIN, 0) }
            // It was not sent, and the next one is.
            try await client.send([7])
            #expect(try await server.receive().bytes == [7])
            server.close()
            client.close()
        }
    }

    private static func prompt(
        _ name: String, _ call: @escaping @Sendable (UDPSocket) async throws -> Void
    ) -> Operation {
        Operation("UDPSocket.\(name)", kind: .prompt) { attempt in
            let socket = try await UDPSocket.bind(to: home)
            try await attempt { try await call(socket) }
            socket.close()
        }
    }
}
