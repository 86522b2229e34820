// Task-local values, and what tasks hold: where they go, and when they are let go.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ContextTests {
    @TaskLocal private static var tag = "none"

    @Test func `a value travels with every way to start work`() async throws {
        let loop = try #require(EventLoop.current)
        let group = try EventLoopGroup(count: 1)
        let other = group.loops[0]
        try await Self.$tag.withValue("mine") {
            #expect(try await loop.submit { Self.tag } == "mine")
            #expect(try await other.submit { Self.tag } == "mine")
            #expect(try await loop.spawn { Self.tag }.value == "mine")
            #expect(try await other.spawn(after: .milliseconds(1)) { Self.tag }.value == "mine")
            #expect(await Task { Self.tag }.value == "mine")
            #expect(try await other.submit { await Task { Self.tag }.value } == "mine")
            let nested = try await other.submit { try await loop.submit { Self.tag } }
            #expect(nested == "mine")
        }
        #expect(try await other.submit { Self.tag } == "none")
        await group.shutdown()
    }

    @Test func `a value is still there after each kind of wait`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        try await Self.$tag.withValue("waiting") {
            try await EventLoop.sleep(for: .milliseconds(1))
            #expect(Self.tag == "waiting")
            let stream = try await TCPStream.connect(to: listener.localAddress)
            #expect(Self.tag == "waiting")
            let peer = try await listener.accept()
            #expect(Self.tag == "waiting")
            async let bytes = stream.read(upTo: 1)
            try await peer.write([1])
            #expect(try await bytes == [1])
            #expect(Self.tag == "waiting")
            await stream.close()
            await peer.close()
        }
    }

    @Test func `a value is left behind where the caller says so, and nowhere else`() async throws {
        let loop = try #require(EventLoop.current)
        await Self.$tag.withValue("mine") {
            #expect(await Task.detached { Self.tag }.value == "none")
            #expect(await Task { Self.tag }.value == "mine")
        }
        // The thread keeps nothing for the next to come.
        for number in 0..<100 {
            let seen = try await Self.$tag.withValue("\(number)") {
                try await loop.submit { Self.tag }
            }
            #expect(seen == "\(number)")
            #expect(try await loop.submit { Self.tag } == "none")
        }
    }

    @Test func `two servers keep their values apart`() async throws {
        let first = try await TCPListener.bind(to: .loopback(port: 0))
        let second = try await TCPListener.bind(to: .loopback(port: 0))
        let servers = [(first, "first"), (second, "second")].map { listener, name in
            Self.$tag.withValue(name) {
                Task {
                    try await listener.serve { stream in
                        await Task.yield()
                        try await stream.write(Array(Self.tag.utf8))
                        try await stream.finish()
                    }
                }
            }
        }
        for number in 0..<50 {
            let (listener, name) = number % 2 == 0 ? (first, "first") : (second, "second")
            let answer = try await Self.$tag.withValue("client") {
                try await TCPStream.withConnection(to: listener.localAddress) { stream in
                    var answer: [UInt8] = []
                    for try await chunk in stream.chunks { answer += chunk }
                    return answer
                }
            }
            #expect(String(decoding: answer, as: UTF8.self) == name)
        }
        for server in servers {
            server.cancel()
            _ = await server.result
        }
    }

    // MARK: Letting go

    /// Counts the living.
    private final class Held: Sendable {
        let living: Counter
        init(_ living: Counter) {
            self.living = living
            living.add()
        }
        deinit { living.add(-1) }
    }

    @TaskLocal private static var held: Held?

    @Test func `what work holds is released when it ends`() async throws {
        let loop = try #require(EventLoop.current)
        let living = Counter()
        for _ in 0..<100 {
            do {
                let held = Held(living)
                try await loop.submit { withExtendedLifetime(held) {} }
                try await loop.spawn { withExtendedLifetime(held) {} }.value
                try await Self.$held.withValue(held) {
                    try await EventLoop.sleep(for: .microseconds(1))
                    try await Task { try await EventLoop.sleep(for: .microseconds(1)) }.value
                }
                let cancelled = loop.spawn(after: .seconds(3_600)) {
                    withExtendedLifetime(held) {}
                }
                cancelled.cancel()
                _ = await cancelled.result
            }
        }
        // A task that has been awaited is let go of by the thread that ran it.
        while living.value > 0 { await Task.yield() }
    }

    @Test func `what a handler holds is released when its connection ends`() async throws {
        let living = Counter()
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let server = Task {
            try await listener.serve { stream in
                try await Self.$held.withValue(Held(living)) {
                    let held = Held(living)
                    for try await chunk in stream.chunks { try await stream.write(chunk) }
                    withExtendedLifetime(held) {}
                }
            }
        }
        for _ in 0..<50 {
            try await TCPStream.withConnection(to: listener.localAddress) { stream in
                try await stream.write([1])
                #expect(try await stream.read(upTo: 1) == [1])
                #expect(living.value >= 2)
            }
        }
        while living.value > 0 { await Task.yield() }
        server.cancel()
        _ = await server.result
    }

    @Test func `what an ended loop held is released`() async throws {
        let living = Counter()
        do {
            let group = try EventLoopGroup(count: 1)
            let loop = group.loops[0]
            let held = Held(living)
            loop.onShutdown { withExtendedLifetime((held, loop)) {} }
            loop.spawn(after: .seconds(3_600)) { withExtendedLifetime((held, loop)) {} }
            await group.shutdown()
        }
        while living.value > 0 { await Task.yield() }
    }
}
