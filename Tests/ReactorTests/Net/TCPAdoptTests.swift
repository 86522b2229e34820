// Connections made elsewhere, what the kernel knows of them, and those that are idle.

import Foundation
import SystemPackage
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPAdoptTests {
    @Test func `a connected socket is adopted`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let socket = try Descriptor.client(of: listener.localAddress)
        let server = try await listener.accept()
        let client = try await TCPStream.adopt(FileDescriptor(rawValue: socket.number))
        #expect(client.remoteAddress == listener.localAddress)
        #expect(client.localAddress == server.remoteAddress)
        try await client.write("hello")
        #expect(try await server.readExactly(5) == Array("hello".utf8))
        try await server.write("back")
        #expect(try await client.readExactly(4) == Array("back".utf8))
        await client.close()
        await server.close()
        listener.close()
    }

    @Test func `what is no connected TCP socket is refused, and stays the caller's`() async throws {
        let pair = try Descriptor.socketPair()
        let fresh = try Descriptor.streamSocket(.ipv4)
        let pipe = try Descriptor.pipe()
        let cases: [(Descriptor, ReactorError.Code)] = [
            (pair[0], .invalidArgument), (fresh, .notConnected), (pipe.0, .notASocket),
        ]
        for (descriptor, code) in cases {
            await expect(code) {
                try await TCPStream.adopt(FileDescriptor(rawValue: descriptor.number))
            }
            #expect(fcntl(descriptor.number, F_GETFD) >= 0)
        }
        for descriptor in pair + [fresh, pipe.0, pipe.1] { descriptor.close() }
        await expect(.badDescriptor) { try await TCPStream.adopt(FileDescriptor(rawValue: -1)) }
    }

    @Test func `the kernel tells what it knows`() async throws {
        let (client, server) = try await tcpPair()
        try await client.write([UInt8](repeating: 1, count: 10_000))
        #expect(try await server.readExactly(10_000).count == 10_000)
        let information = try await client.information()
        #expect(information.state == .established)
        #expect(information.roundTripTime > .zero)
        #expect(information.congestionWindow > 0 && information.segmentBytes > 500)
        try await client.finish()
        #expect(try await server.read(upTo: 1) == nil)
        #expect(try await server.information().state == .peerFinished)
        await client.close()
        await expect(.closed) { try await client.information() }
        await server.close()
    }

    @Test func `an idle connection fails its read, then every other`() async throws {
        let (client, server) = try await tcpPair()
        let start = ContinuousClock.now
        client.setIdleTimeout(.milliseconds(60))
        await expect(.timedOut) { try await client.read(upTo: 1) }
        #expect(ContinuousClock.now - start >= .milliseconds(50))
        await expect(.closed) { try await client.read(upTo: 1) }
        await expect(.timedOut) { try await client.write([1]) }
        client.abort()
        server.abort()
    }

    @Test func `bytes either way keep a connection alive, and no limit does`() async throws {
        var (client, server) = try await tcpPair()
        // A busy machine may be silent for that long itself: it gets more time, up to 10 s.
        for limit in [Duration.milliseconds(150), .milliseconds(1_200), .seconds(10)] {
            do {
                try await talk(client, server, tenTimesWithin: limit)
                break
            } catch let error as ReactorError
                where error.code == .timedOut && limit < .seconds(10)
            {
                server.abort()
                (client, server) = try await tcpPair()
            }
        }
        client.setIdleTimeout(nil)
        #expect(client.core.core.idleTimers.isEmpty)
        client.setIdleTimeout(.seconds(100))
        await client.close()
        #expect(server.core.core.idleTimers.isEmpty, "closing takes the timer out")
        server.abort()
    }

    /// A byte to and fro, for longer than the limit in all.
    private func talk(
        _ client: TCPStream, _ server: TCPStream, tenTimesWithin limit: Duration
    ) async throws {
        client.setIdleTimeout(limit)
        for round in 0..<UInt8(10) {
            try await EventLoop.sleep(for: limit / 8)
            if round % 2 == 0 {
                try await client.write([round])
                #expect(try await server.read(upTo: 1) == [round])
            } else {
                try await server.write([round])
                #expect(try await client.read(upTo: 1) == [round])
            }
        }
    }
}
