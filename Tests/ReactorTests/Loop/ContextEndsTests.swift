// Context in every kind of place: kept apart, not left on threads, and let go in the end.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ContextEndsTests {
    @TaskLocal private static var tag = "none"
    @TaskLocal private static var held: Held?

    /// Counts the living.
    private final class Held: Sendable {
        let living: Counter
        init(_ living: Counter) {
            self.living = living
            living.add()
        }
        deinit { living.add(-1) }
    }

    @Test(arguments: Place.allCases)
    func `a value is let go when the work that had it has ended`(in place: Place) async throws {
        let living = Counter()
        for _ in 0..<5 {
            let seen = try await Self.$held.withValue(Held(living)) {
                try await place.run {
                    try await EventLoop.sleep(for: .microseconds(1))
                    return Self.held != nil
                }
            }
            #expect(seen == (place != .detachedTask))
        }
        // A task that has been awaited is let go of by the thread that ran it.
        while living.value > 0 { await Task.yield() }
    }

    @Test(arguments: Place.inheriting)
    func `what fails lets its value go too`(in place: Place) async throws {
        struct Failure: Error {}
        let living = Counter()
        await #expect(throws: Failure.self) {
            try await Self.$held.withValue(Held(living)) {
                try await place.run {
                    #expect(Self.held != nil)
                    throw Failure()
                }
            }
        }
        while living.value > 0 { await Task.yield() }
    }

    @Test func `servers of all kinds keep their values apart`() async throws {
        let tcp = try await TCPListener.bind(to: .loopback(port: 0))
        let unix = try await UnixListener.bind(to: try anyName())
        let udp = try await UDPSocket.bind(to: .loopback(port: 0))
        let more = try await TCPListener.bind(to: .loopback(port: 0))
        let servers = [
            serving("tcp") { try await tcp.serve(answer) },
            serving("more") { try await more.serve(answer) },
            serving("unix") { try await unix.serve(answer) },
            serving("udp") {
                for try await datagram in udp.datagrams {
                    await Task.yield()
                    try await udp.send(Array(Self.tag.utf8), to: datagram.from)
                }
            },
        ]
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<20 {
                        let answers = try await Self.$tag.withValue("client") {
                            [
                                try await TCPStream.withConnection(to: tcp.localAddress, all),
                                try await TCPStream.withConnection(to: more.localAddress, all),
                                try await UnixStream.withConnection(to: unix.localAddress, all),
                                try await ask(udp.localAddress),
                            ]
                        }
                        #expect(answers == ["tcp", "more", "unix", "udp"])
                    }
                }
            }
            try await group.waitForAll()
        }
        for server in servers {
            server.cancel()
            _ = await server.result
        }
        udp.close()
    }

    private func serving(
        _ name: String, _ body: @escaping @Sendable () async throws -> Void
    ) -> Task<Void, any Error> {
        Self.$tag.withValue(name) { Task { try await body() } }
    }

    @Sendable private func answer(_ stream: some ByteStream) async throws {
        await Task.yield()
        try await stream.write(Array(Self.tag.utf8))
        try await stream.finish()
    }

    @Sendable private func all(_ stream: some ByteStream) async throws -> String {
        var text = ""
        for try await chunk in stream.chunks { text += String(decoding: chunk, as: UTF8.self) }
        return text
    }

    private func ask(_ address: SocketAddress) async throws -> String {
        let client = try await UDPSocket.connect(to: address)
        defer { client.close() }
        try await client.send([1])
        return String(decoding: try await client.receive().bytes, as: UTF8.self)
    }

    @Test func `a thread of a pool keeps nothing for the next body`() async throws {
        let pool = BlockingPool(name: "one", maxThreads: 1)
        for number in 0..<20 {
            let seen = try await Self.$tag.withValue("\(number)") {
                let body = try await blocking(on: pool) { Self.tag }
                let left = try await abandoningBlocking(on: pool) { Self.tag }
                let task = await Task(executorPreference: pool) { Self.tag }.value
                return [body, left, task]
            }
            #expect(seen == ["\(number)", "\(number)", "\(number)"])
            #expect(try await blocking(on: pool) { Self.tag } == "none")
            let task = await Task.detached(executorPreference: pool) { Self.tag }.value
            #expect(task == "none")
        }
        await pool.shutdown()
    }

    @Test func `a task inherits, a detached one does not, from every place`() async throws {
        for place in Place.inheriting {
            let seen = try await Self.$tag.withValue("mine") {
                try await place.run {
                    async let child = Self.tag
                    let group = await withTaskGroup { group in
                        group.addTask { Self.tag }
                        return await group.next()
                    }
                    return [
                        await child, group, await Task { Self.tag }.value,
                        await Task.immediate { Self.tag }.value,
                        await Task.detached { Self.tag }.value,
                    ]
                }
            }
            #expect(seen == ["mine", "mine", "mine", "mine", "none"], "\(place)")
        }
    }
}
