// The complaint: for what it does it is slow, and what is convenient is slower still.
//
// Line 11 of the answer: it is fast. How fast is for `scripts/bench --gate` to say, against C on
// raw libuv in the same run (docs/benchmarks.md); here stands what is the same on every machine:
// what does not happen. That an echo allocates nothing holds in release builds, where the benchmark
// counts and `--gate` fails for more than 0 allocations with `read(into:)`, 1 with `chunks`.

import CFaults
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SpeedTests {
    /// Where code runs on a loop's thread.
    private static let onLoop = Place.allCases.filter { $0.loop(own: "own") != nil }

    @Test(arguments: onLoop)
    func `work on its loop changes no thread`(in place: Place) async throws {
        let threads = try await place.run {
            var threads: Set = [currentThread()]
            let (client, server) = try await tcpPair()
            for _ in 0..<10 {
                try await client.write([1])
                threads.insert(currentThread())
                _ = try await server.read(upTo: 1)
                threads.insert(currentThread())
                try await EventLoop.sleep(for: .microseconds(1))
                threads.insert(currentThread())
                async let child = currentThread()
                threads.insert(await child)
                await Task.yield()
                threads.insert(currentThread())
            }
            await client.close()
            await server.close()
            threads.insert(currentThread())
            return threads
        }
        #expect(threads.count == 1)
    }

    @Test(arguments: onLoop)
    func `a write that the kernel takes does not wait`(in place: Place) async throws {
        let turns = try await place.run {
            let core = try #require(EventLoop.current).core
            let (client, server) = try await tcpPair()
            defer {
                client.abort()
                server.abort()
            }
            let start = core.turns
            for _ in 0..<100 { try await client.write([1, 2]) }
            return core.turns - start
        }
        #expect(turns == 0)
    }

    @Test(arguments: onLoop)
    func `a thousand sleeps are one handle of libuv's`(in place: Place) async throws {
        let handles = try await place.run {
            let core = try #require(EventLoop.current).core
            return try await withThrowingTaskGroup { group in
                for _ in 0..<1_000 {
                    group.addTask { try await EventLoop.sleep(for: .seconds(3_600)) }
                }
                while core.timers.count < 1_000 { await Task.yield() }
                // It is made when the loop is about to poll.
                try await turnLoop(2)
                let handles = core.uv.openHandles[.timer]
                group.cancelAll()
                while await group.nextResult() != nil {}
                return handles
            }
        }
        #expect(handles == 1)
    }

    @Test func `an echo is one call to receive and one to send on either side`() async {
        await #expect(processExitsWith: .success) {
            let (received, sent) = try await withOtherLoop { loop in
                try await loop.submit {
                    try await withEcho { echo in
                        try await echo(100)
                        let start = (faults_count(FAULTS_RECV), faults_count(FAULTS_SEND))
                        try await echo(1_000)
                        return (
                            faults_count(FAULTS_RECV) - start.0,
                            faults_count(FAULTS_SEND) - start.1
                        )
                    }
                }
            }
            #expect(sent == 2_000)
            #expect(received == 2_000)
        }
    }
}

/// A connection to a server that echoes on the same loop, and a call that uses it so many times.
private func withEcho<Result>(
    _ body: ((Int) async throws -> Void) async throws -> Result
) async throws -> Result {
    let (client, server) = try await tcpPair()
    let serving = Task(executorPreference: EventLoop.current) { try await echo(server) }
    var buffer = [UInt8](repeating: 0, count: 64)
    let message = [UInt8](repeating: 7, count: 64)
    let result = try await body { times in
        for _ in 0..<times {
            try await client.write(message.span)
            let count = try await client.read(into: &buffer)
            #expect(count == 64)
        }
    }
    await client.close()
    try await serving.value
    await server.close()
    return result
}
