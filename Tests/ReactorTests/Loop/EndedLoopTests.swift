// Whatever is asked of a loop that ends or has ended gets an answer: an error, never a hang.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct EndedLoopTests {
    /// A loop with a listener and both ends of two connections on it.
    private struct Set: Sendable {
        let group: EventLoopGroup
        let loop: EventLoop
        let listener: TCPListener
        let client: TCPStream
        let server: TCPStream
        let quiet: TCPStream
        private let quietServer: TCPStream

        init(grace: Duration = .seconds(10)) async throws {
            let group = try EventLoopGroup(count: 1, grace: grace)
            let loop = group.loops[0]
            (listener, client, server, quiet, quietServer) = try await loop.submit {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                let client = try await TCPStream.connect(to: listener.localAddress)
                let server = try await listener.accept()
                let quiet = try await TCPStream.connect(to: listener.localAddress)
                return (listener, client, server, quiet, try await listener.accept())
            }
            (self.group, self.loop) = (group, loop)
        }
    }

    @Test func `every operation on an ended loop's objects says that it has ended`() async throws {
        let set = try await Set()
        await set.group.shutdown()
        await expect(.loopClosed, "submit") { try await set.loop.submit {} }
        await expect(.loopClosed, "spawn") { try await set.loop.spawn {}.value }
        await expect(.loopClosed, "read") { try await set.client.read(upTo: 1) }
        await expect(.loopClosed, "write") { try await set.client.write([1]) }
        await expect(.loopClosed, "gather") { try await set.client.write(contentsOf: [[1], [2]]) }
        await expect(.loopClosed, "finish") { try await set.client.finish() }
        await expect(.loopClosed, "accept") { try await set.listener.accept() }
        await expect(.loopClosed, "serve") { try await set.listener.serve { _ in } }
        await expect(.loopClosed, "statistics") { try await set.listener.statistics() }
        // From a task that calls the ended loop home.
        await HomeLoop.$current.withValue(set.loop) {
            let address = set.listener.localAddress
            await expect(.loopClosed, "sleep") { try await EventLoop.sleep(for: .seconds(60)) }
            await expect(.loopClosed, "bind") { try await TCPListener.bind(to: address) }
            await expect(.loopClosed, "connect") { try await TCPStream.connect(to: address) }
        }
        set.listener.close()
        set.client.abort()
        await set.client.close()
        await set.server.close()
    }

    @Test func `whoever waits, on the loop or elsewhere, is told when it ends`() async throws {
        let set = try await Set(grace: .zero)
        // More than both sockets' buffers take, so that the writer waits.
        let much = [UInt8](repeating: 0, count: 32 << 20)
        let here: [(String, @Sendable () async throws -> Void)] = [
            ("read", { _ = try await set.quiet.read(upTo: 1) }),
            ("sleep", { try await EventLoop.sleep(for: .seconds(3_600)) }),
        ]
        let elsewhere: [(String, @Sendable () async throws -> Void)] = [
            ("read", { _ = try await set.client.read(upTo: 1) }),
            ("write", { try await set.client.write(much) }),
            ("accept", { _ = try await set.listener.accept() }),
            ("sleep", { try await EventLoop.sleep(for: .seconds(3_600)) }),
        ]
        try await withThrowingTaskGroup(of: (String, Outcome).self) { tasks in
            for (name, wait) in here {
                tasks.addTask(executorPreference: set.loop) { (name, try await Outcome(wait)) }
            }
            for (name, wait) in elsewhere {
                tasks.addTask {
                    try await HomeLoop.$current.withValue(set.loop) {
                        (name + " elsewhere", try await Outcome(wait))
                    }
                }
            }
            try await waitUntilParked(set)
            await set.group.shutdown()
            for try await (name, outcome) in tasks {
                #expect(outcome == .failed(.loopClosed), "\(name)")
            }
        }
    }

    /// Until two readers, a writer and two sleepers wait.
    private func waitUntilParked(_ set: Set) async throws {
        while true {
            let isParked = try await set.loop.submit {
                set.client.handle.here.inbound.reader != nil
                    && set.client.handle.here.outbound.pending > 0
                    && set.quiet.handle.here.inbound.reader != nil
                    && set.loop.core.timers.count == 2
            }
            if isParked { return }
            await Task.yield()
        }
    }

    @Test func `a call made before the end is answered by the end`() async throws {
        for _ in 0..<200 {
            let set = try await Set()
            async let read = Outcome { _ = try await set.client.read(upTo: 1) }
            async let sleep = HomeLoop.$current.withValue(set.loop) {
                try await Outcome { try await EventLoop.sleep(for: .seconds(3_600)) }
            }
            async let bind = HomeLoop.$current.withValue(set.loop) {
                try await Outcome {
                    try await TCPListener.bind(to: .loopback(port: 0)).close()
                }
            }
            await set.group.shutdown()
            #expect(try await read == .failed(.loopClosed))
            #expect(try await sleep == .failed(.loopClosed))
            #expect([.ok, .failed(.loopClosed)].contains(try await bind))
        }
    }

    @Test func `a task that the end wakes can open nothing new`() async throws {
        let set = try await Set()
        let address = set.listener.localAddress
        let isAsleep = Gate()
        let task = Task(executorPreference: set.loop) {
            isAsleep.open()
            await expect(.loopClosed) { try await EventLoop.sleep(for: .seconds(3_600)) }
            #expect(set.loop.isCurrent)
            await expect(.loopClosed) { try await EventLoop.sleep(for: .seconds(3_600)) }
            await expect(.loopClosed) { try await TCPListener.bind(to: .loopback(port: 0)) }
            await expect(.loopClosed) { try await TCPStream.connect(to: address) }
            await expect(.loopClosed) { try await set.client.read(upTo: 1) }
            #expect(set.loop.core.uv.openHandles.total > 0, "its end has not come yet")
        }
        await isAsleep.wait()
        await set.group.shutdown()
        await task.value
    }
}
