// Listening and accepting: addresses, sharing, what waits, and the end of a listener.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPListenerTests {
    @Test func `port 0 becomes a port, and both ends agree on their addresses`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        #expect(listener.localAddress.port > 0)
        let client = try await TCPStream.connect(to: listener.localAddress)
        let server = try await listener.accept()
        #expect(server.remoteAddress == client.localAddress)
        #expect(client.remoteAddress == server.localAddress)
        #expect(server.localAddress == listener.localAddress)
        await client.close()
        await server.close()
        listener.close()
    }

    @Test func `a listener on every address names the one that the client used`() async throws {
        let listener = try await TCPListener.bind(host: "0.0.0.0", port: 0)
        let port = UInt16(listener.localAddress.port)
        let client = try await TCPStream.connect(to: .loopback(port: port))
        let server = try await listener.accept()
        #expect(server.localAddress == .loopback(port: port))
        await client.close()
        await server.close()
        listener.close()
    }

    @Test func `an address in use is refused by bind`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        await expect(.addressInUse) { try await TCPListener.bind(to: listener.localAddress) }
        await expect(.addressInUse) {
            try await TCPListener.bind(to: listener.localAddress, reusePort: true)
        }
        listener.close()
    }

    @Test func `an address of no interface is refused by bind`() async throws {
        let address = try SocketAddress("192.0.2.1:0")
        await expect(.addressNotAvailable) { try await TCPListener.bind(to: address) }
    }

    /// In a process of its own: a child that another test is starting holds the socket until it
    /// runs its program. The address keeps other tests' clients off the port.
    @Test func `a server that closed first can bind its port again at once`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let first = try await TCPListener.bind(host: "127.0.0.5", port: 0)
                for _ in 0..<100 {
                    let client = try await TCPStream.connect(to: first.localAddress)
                    let server = try await first.accept()
                    // The side that closes first is left in TIME_WAIT.
                    await server.close()
                    #expect(try await client.read(upTo: 1) == nil)
                    await client.close()
                }
                first.close()
                let second = try await TCPListener.bind(to: first.localAddress)
                #expect(second.localAddress == first.localAddress)
                second.close()
            }
        }
    }

    @Test(.tags(.slow))
    func `listeners that share a port share its connections`() async throws {
        let first = try await TCPListener.bind(to: .loopback(port: 0), reusePort: true)
        let second = try await TCPListener.bind(to: first.localAddress, reusePort: true)
        let counts = [Count(), Count()]
        try await withThrowingTaskGroup { group in
            for (listener, count) in zip([first, second], counts) {
                group.addTask {
                    for try await stream in listener.connections {
                        count.value += 1
                        stream.abort()
                    }
                }
            }
            for made in 1...1_000 {
                let client = try Descriptor.client(of: first.localAddress)
                try await until { counts[0].value + counts[1].value == made }
                client.close()
            }
            first.close()
            second.close()
            try await group.waitForAll()
        }
        #expect(counts.allSatisfy { $0.value >= 200 })
    }

    @Test func `an IPv6 listener takes IPv4 too, unless told not to`() async throws {
        guard hasIPv6 else { return Skip.note("no IPv6 loopback") }
        let both = try await TCPListener.bind(host: "::", port: 0)
        let port = UInt16(both.localAddress.port)
        let client = try await TCPStream.connect(to: .loopback(port: port))
        let server = try await both.accept()
        #expect(server.remoteAddress.ip == "::ffff:127.0.0.1")
        #expect(server.remoteAddress.port == client.localAddress.port)
        await client.close()
        await server.close()
        both.close()

        let only = try await TCPListener.bind(host: "::1", port: 0, ipv6Only: true)
        // Where no other test listens, who may have got the number.
        let other = try SocketAddress("127.0.0.6:\(only.localAddress.port)")
        await expect(.connectionRefused) { try await TCPStream.connect(to: other) }
        let beside = try await TCPListener.bind(to: other)
        beside.close()
        only.close()
    }

    @Test func `clients that reset before they are accepted do no harm`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        for _ in 0..<50 { try Descriptor.client(of: listener.localAddress).abort() }
        for _ in 0..<50 {
            // The kernel hands the dead ones out: their reads say so.
            let stream = try await listener.accept()
            await expect(.connectionReset) { try await stream.read(upTo: 1) }
            await stream.close()
        }
        for _ in 0..<100 {
            let client = try await TCPStream.connect(to: listener.localAddress)
            let server = try await listener.accept()
            #expect(server.remoteAddress == client.localAddress)
            try await client.write([7])
            #expect(try await server.read(upTo: 9) == [7])
            await client.close()
            await server.close()
        }
        listener.close()
    }

    /// libuv accepts until there is nobody left, without bound (PITFALLS D16).
    @Test func `what nobody takes waits in the kernel, and is served later`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0), backlog: 2_000)
        var clients = [try Descriptor.client(of: listener.localAddress)]
        defer { for client in clients { client.close() } }
        // Accepting once makes the listener look; from now on nobody takes any.
        var peers: Set = [try await takeOne(listener)]
        for _ in 1..<1_000 { clients.append(try Descriptor.client(of: listener.localAddress)) }
        try await turnLoop()
        #expect(try await listener.statistics().accepted <= 1 + ListenerCore.undeliveredLimit)
        for _ in 1..<1_000 { peers.insert(try await takeOne(listener)) }
        #expect(peers.count == 1_000)
        #expect(try await listener.statistics().accepted == 1_000)
        listener.close()
    }

    private func takeOne(_ listener: TCPListener) async throws -> SocketAddress {
        let stream = try await listener.accept()
        await stream.close()
        return stream.remoteAddress
    }

    @Test func `closing resets those whom nobody took and tells the one who waits`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let taken = try Descriptor.client(of: listener.localAddress)
        let stream = try await listener.accept()
        let waiting = try (0..<5).map { _ in try Descriptor.client(of: listener.localAddress) }
        try await turnLoop()
        listener.close()
        for client in waiting {
            client.wait(for: POLLIN)
            #expect(try client.takeError() == .connectionReset)
            client.close()
        }
        await expect(.closed) { try await listener.accept() }
        // The one that had been taken goes on.
        taken.send([1])
        #expect(try await stream.read(upTo: 2) == [1])
        taken.close()
        await stream.close()
    }

    @Test func `a task that waits for a connection is told that the listener closed`() async throws
    {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        async let code = failure { try await listener.accept() }
        try await until { listener.handle.here.isAwaited }
        listener.close()
        #expect(await code == .closed)
        listener.close()
        var connections = listener.connections.makeAsyncIterator()
        #expect(try await connections.next() == nil)
    }

    @Test func `only one task accepts at a time`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        async let first = listener.accept()
        try await until { listener.handle.here.isAwaited }
        await expect(.busy) { try await listener.accept() }
        let client = try await TCPStream.connect(to: listener.localAddress)
        await (try first).close()
        await client.close()
        listener.close()
    }

    @Test func `cancelling an accept loses no connection`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let task = listener.loop.spawn { try await listener.accept() }
        try await until { listener.handle.here.isAwaited }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let client = try await TCPStream.connect(to: listener.localAddress)
        let server = try await listener.accept()
        #expect(server.remoteAddress == client.localAddress)
        await client.close()
        await server.close()
        listener.close()
    }

    @Test(arguments: [0, -1, Int.min, Int.max, Int(Int32.max) + 1])
    func `a backlog out of range is refused`(_ backlog: Int) async {
        await expect(.invalidArgument) {
            try await TCPListener.bind(to: .loopback(port: 0), backlog: backlog)
        }
    }

    @Test func `a backlog beyond the kernel's is taken as its largest`() async throws {
        let listener = try await TCPListener.bind(
            to: .loopback(port: 0), backlog: Int(Int32.max))
        listener.close()
    }

    @Test(arguments: [-1, 65_536, Int.min, Int.max])
    func `a port out of range is refused`(_ port: Int) async {
        let bind = await failure { try await TCPListener.bind(host: "127.0.0.1", port: port) }
        let connect = await failure { try await TCPStream.connect(host: "127.0.0.1", port: port) }
        #expect(bind == .invalidArgument)
        #expect(connect == .invalidArgument)
    }
}

/// A number that tasks of one loop share.
final class Count: @unchecked Sendable {
    var value = 0
}
