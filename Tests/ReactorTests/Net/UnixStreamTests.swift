// Unix streams: connecting, pairs, credentials, adoption, and their end.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct UnixStreamTests {
    @Test func `a path connects two processes' ends, which know where they are`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            let listener = try await UnixListener.bind(path: path)
            let client = try await UnixStream.connect(path: path)
            let server = try await listener.accept()
            #expect(listener.localAddress.path == path)
            #expect(client.remoteAddress == listener.localAddress)
            #expect(server.localAddress == listener.localAddress)
            #expect(client.localAddress.isUnnamed && server.remoteAddress.isUnnamed)
            try await client.write("hello")
            #expect(try await server.read(upTo: 100) == Array("hello".utf8))
            await client.close()
            await server.close()
            listener.close()
        }
    }

    @Test func `nobody there is said by its code, and nothing is left`() async throws {
        try await withDirectory { directory in
            try makeStaleSocket(at: directory.appending("stale"))
            try Data().write(to: URL(filePath: directory.appending("file").string))
            await expect(.init(rawValue: -ENOENT)) {
                try await UnixStream.connect(path: directory.appending("missing"))
            }
            for name in ["stale", "file"] {
                await expect(.connectionRefused) {
                    try await UnixStream.connect(path: directory.appending(name))
                }
            }
            #expect(try names(in: directory) == ["stale", "file"])
        }
        let name = try anyName()
        let error = await #expect(throws: ReactorError.self) {
            try await UnixStream.connect(to: name)
        }
        #expect(error?.description.contains(name.description) == true)
    }

    @Test func `what is no Unix socket's address is refused`() async throws {
        let addresses = [SocketAddress.loopback(port: 1), .unnamed]
        for address in addresses {
            await expect(.invalidArgument) { try await UnixStream.connect(to: address) }
            await expect(.invalidArgument) { try await UnixListener.bind(to: address) }
        }
        let long = String(repeating: "x", count: 108)
        for path in ["", "a\0b", long] {
            await expect(.invalidArgument) { try await UnixStream.connect(path: path) }
            await expect(.invalidArgument) { try await UnixListener.bind(path: path) }
        }
    }

    @Test func `a cancelled task connects, binds and sends nothing`() async throws {
        let name = try anyName()
        let (first, second) = try await UnixStream.pair()
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await UnixStream.connect(to: name) },
            { _ = try await UnixListener.bind(to: name) },
            { _ = try await UnixStream.pair() },
            { _ = try await UnixStream.adopt(FileDescriptor(rawValue: 0)) },
            { try await first.send([], with: [1]) },
            { _ = try await second.read(upTo: 1) },
        ]
        for call in calls { #expect(try await cancelled(call) == .cancelled) }
        try await first.write([2])
        #expect(try await second.read(upTo: 9) == [2])
        await first.close()
        await second.close()
    }

    @Test func `connecting waits while the backlog is full`() async throws {
        let listener = try await UnixListener.bind(to: anyName(), backlog: 1)
        let address = listener.localAddress
        // One more than the backlog is what the kernel lets in.
        let crowd = try (0..<2).map { _ in try Descriptor.client(of: address) }
        let given = Task { try await UnixStream.connect(to: address) }
        async let client = UnixStream.connect(to: address)
        try await EventLoop.sleep(for: .milliseconds(5))
        given.cancel()
        await #expect(throws: CancellationError.self) { try await given.value }
        for _ in crowd { await (try listener.accept()).close() }
        let server = try await listener.accept()
        let stream = try await client
        try await stream.write([7])
        #expect(try await server.read(upTo: 9) == [7])
        await stream.close()
        await server.close()
        for one in crowd { one.close() }
        listener.close()
    }

    @Test func `each side learns who the other is`() async throws {
        let listener = try await UnixListener.bind(to: anyName())
        let client = try await UnixStream.connect(to: listener.localAddress)
        let server = try await listener.accept()
        let (first, second) = try await UnixStream.pair()
        for stream in [client, server, first, second] {
            let peer = try await stream.peerCredentials()
            #expect(peer.processID == getpid())
            #expect(peer.userID == geteuid() && peer.groupID == getegid())
            await stream.close()
            await expect(.closed) { try await stream.peerCredentials() }
        }
        listener.close()
    }

    @Test func `a peer that aborts has ended, or was reset if something was unread`() async throws {
        let (first, second) = try await UnixStream.pair()
        try await first.write([1])
        first.abort()
        #expect(try await second.readAll() == [1])
        await second.close()
        let (third, fourth) = try await UnixStream.pair()
        third.core.poll.watch([], for: third.core)
        try await fourth.write([1])
        third.abort()
        await expect(.connectionReset) { try await fourth.read(upTo: 1) }
        await fourth.close()
    }

    @Test func `errors name the peer, or whose client it is`() async throws {
        let listener = try await UnixListener.bind(to: anyName())
        let client = try await UnixStream.connect(to: listener.localAddress)
        let server = try await listener.accept()
        await client.close()
        await server.close()
        for (stream, name) in [
            (client, "\(listener.localAddress)"), (server, "a client of \(listener.localAddress)"),
        ] {
            let error = await #expect(throws: ReactorError.self) { try await stream.write([1]) }
            #expect(error?.operation.hasSuffix(name) == true)
        }
        listener.close()
    }

    /// libuv 1.44 reads half of it, and then an end (PITFALLS D3).
    @Test(arguments: [false, true])
    func `what follows passed descriptors and a hang-up is read`(keeps: Bool) async throws {
        let (own, other) = try Descriptor.streamPair()
        let stream = try await UnixStream.adopt(
            FileDescriptor(rawValue: own.number), options: UnixOptions(receivesDescriptors: keeps))
        let (readEnd, writeEnd) = try Descriptor.pipe()
        let first = Array("AAAA".utf8)
        let sent = withExtendedLifetime(first) {
            other.send(parts: [BorrowedMemory(keptAlive: first)], with: [readEnd])
        }
        #expect(sent == 4)
        other.send(Array("BBBB".utf8))
        for descriptor in [other, readEnd, writeEnd] { descriptor.close() }
        #expect(try await stream.readAll() == Array("AAAABBBB".utf8))
        await stream.close()
    }

    // MARK: Adoption

    @Test func `a connected socket is taken over`() async throws {
        let (first, second) = try Descriptor.streamPair()
        let stream = try await UnixStream.adopt(FileDescriptor(rawValue: first.number))
        second.send([5])
        #expect(try await stream.read(upTo: 9) == [5])
        await stream.close()
        second.wait(for: POLLIN)
        #expect(second.receive() == [])
        second.close()
    }

    @Test func `anything else is refused, and stays as it was`() async throws {
        let (readEnd, writeEnd) = try Descriptor.pipe()
        let tcp = try Descriptor.streamSocket(.ipv4)
        let fresh = try Descriptor.streamSocket(.unix)
        let listening = try Descriptor.streamSocket(.unix)
        let name = try anyName()
        try listening.bind(to: name)
        try listening.listen(backlog: 1, at: name)
        let datagram = Descriptor(
            number: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        let refused: [(Descriptor, ReactorError.Code)] = [
            (readEnd, .notASocket), (tcp, .invalidArgument), (fresh, .notConnected),
            (listening, .invalidArgument), (datagram, .invalidArgument),
        ]
        for (descriptor, code) in refused {
            let flags = fcntl(descriptor.number, F_GETFL)
            await expect(code) {
                try await UnixStream.adopt(FileDescriptor(rawValue: descriptor.number))
            }
            #expect(fcntl(descriptor.number, F_GETFL) == flags)
            descriptor.close()
        }
        writeEnd.close()
        for number in [-1, 1_000_000] as [Int32] {
            await expect(.badDescriptor) {
                try await UnixStream.adopt(FileDescriptor(rawValue: number))
            }
        }
    }
}
