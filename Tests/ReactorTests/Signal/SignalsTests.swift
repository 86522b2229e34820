// Signals as a sequence: who gets which, and when. Each test that sends has a process of its own.

import Foundation
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct SignalsTests {
    enum Trail {
        @TaskLocal static var name = "nobody"
    }

    // MARK: Everybody gets each

    @Test func `each listener on each loop gets a signal once`() async {
        await #expect(processExitsWith: .success) {
            let group = try EventLoopGroup(count: 2)
            var listeners: [Signals] = []
            for _ in 0..<2 { listeners += [try Signals(.user1), try Signals(.user1, .user2)] }
            for round in 0..<50 {
                try await withThrowingTaskGroup { tasks in
                    for (index, listener) in listeners.enumerated() {
                        let loop = group.loops[index % 2]
                        tasks.addTask { try await loop.submit { try await listener.next() } }
                    }
                    send(SIGUSR1)
                    for try await signal in tasks { #expect(signal == .user1) }
                }
                // Dropping one leaves the others.
                if round == 20 { listeners.remove(at: 1) }
                if round == 30 { listeners.remove(at: 0) }
            }
            // Once: nothing is left.
            for listener in listeners {
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.milliseconds(5)) { try await listener.next() }
                }
            }
            await group.shutdown()
        }
    }

    @Test func `a listener outlives other loops, and the first one's end`() async {
        await #expect(processExitsWith: .success) {
            let (first, second) = (try EventLoopGroup(count: 1), try EventLoopGroup(count: 1))
            let (early, late) = (try Signals(.user1), try Signals(.user1))
            let waiting = first.loops[0].spawn { try await early.next() }
            try await first.loops[0].submit {}
            await first.shutdown()
            _ = await waiting.result
            send(SIGUSR1)
            let signal = try await second.loops[0].submit { try await late.next() }
            #expect(signal == .user1)
            await second.shutdown()
        }
    }

    @Test func `plain tasks and threads without a loop listen too`() async {
        await #expect(processExitsWith: .success) {
            let signals = try await onThread { try Signals(.user2) }
            send(SIGUSR2)
            #expect(try await signals.next() == .user2)
            let task = Task.detached { try await signals.next() }
            send(SIGUSR2)
            #expect(try await task.value == .user2)
            for try await signal in try Signals(.hangup).sending(SIGHUP) {
                #expect(signal == .hangup)
                break
            }
        }
    }

    @Test func `two signals that keep coming take turns`() async {
        await #expect(processExitsWith: .success) {
            let signals = try Signals(.user1, .user2)
            var taken: [Signal] = []
            for _ in 0..<200 {
                // Both are pending, from now on or from before.
                try await signals.settle(after: SIGUSR1, SIGUSR2)
                taken.append(try await signals.next())
            }
            for (one, next) in zip(taken.dropFirst(2), taken.dropFirst(3)) { #expect(one != next) }
        }
    }

    @Test func `none is lost between two waits, nor in a crowd of senders`() async {
        await #expect(processExitsWith: .success) {
            let (there, back) = (try Signals(.user1), try Signals(.user2))
            let echo = Task {
                for _ in 0..<2_000 {
                    _ = try await there.next()
                    send(SIGUSR2)
                }
            }
            for _ in 0..<2_000 {
                send(SIGUSR1)
                _ = try await back.next()
            }
            try await echo.value
            let seen = Counter()
            let crowd = try Signals(.hangup, .quit)
            let reader = Task { for try await _ in crowd { seen.add() } }
            try await onThreads(4) { number in
                for _ in 0..<500 { send(number % 2 == 0 ? SIGHUP : SIGQUIT) }
            }
            while seen.value < 2 { await Task.yield() }
            reader.cancel()
            _ = await reader.result
            #expect(seen.value <= 2_000)
        }
    }

    // MARK: Waiting

    @Test func `task-local values are the waiting task's`() async {
        await #expect(processExitsWith: .success) {
            let group = try EventLoopGroup(count: 1)
            let isReady = Gate()
            let handler = Trail.$name.withValue("registering") {
                group.loops[0].spawn {
                    let signals = try Signals(.user1)
                    isReady.open()
                    for try await _ in signals {
                        #expect(EventLoop.current == group.loops[0])
                        return Trail.name
                    }
                    return "ended"
                }
            }
            await isReady.wait()
            Trail.$name.withValue("sending") { send(SIGUSR1) }
            #expect(try await handler.value == "registering")
            await group.shutdown()
        }
    }

    @Test func `cancelling a wait ends it and loses no signal`() async {
        await #expect(processExitsWith: .success) {
            let signals = try Signals(.user1)
            let group = try EventLoopGroup(count: 1)
            for isOnLoop in [true, false, true, false] {
                let task =
                    isOnLoop
                    ? group.loops[0].spawn { try await signals.next() }
                    : Task { try await signals.next() }
                await Task.yield()
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            try await signals.settle(after: SIGUSR1)
            #expect(try await cancelled { _ = try await signals.next() } == .cancelled)
            #expect(try await signals.next() == .user1)
            #expect(await FreshLoop.leftovers(on: group.loops[0]).isEmpty)
            await group.shutdown()
        }
    }

    @Test func `cancelling at any moment leaves each signal to be taken`() async {
        await #expect(processExitsWith: .success) {
            let signals = try Signals(.user1)
            var generator = SeededGenerator(seed: 7)
            for _ in 0..<2_000 {
                let task = Task { try await signals.next() }
                let pause = Int.random(in: 0...3_000, using: &generator)
                let canceller = Task.detached {
                    spin(pause)
                    task.cancel()
                }
                send(SIGUSR1)
                if case .failure = await task.result {
                    #expect(try await signals.next() == .user1)
                }
                await canceller.value
            }
        }
    }

    @Test func `a second task that waits is refused`() async throws {
        let signals = try Signals(.windowChanged)
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let first = loop.spawn { try await signals.next() }
        while try await loop.submit({ loop.core.participants.all.isEmpty }) {}
        await expect(.busy) { try await signals.next() }
        first.cancel()
        _ = await first.result
        await group.shutdown()
    }

    // MARK: Loops that end

    @Test func `a wait on a loop that shuts down fails, and so does one on an ended loop`()
        async throws
    {
        let signals = try Signals(.windowChanged)
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let waiting = Task(executorPreference: loop) {
            try await HomeLoop.$current.withValue(loop) { try await signals.next() }
        }
        let isGone = Gate()
        let later = Task(executorPreference: loop) {
            await isGone.wait()
            try await HomeLoop.$current.withValue(loop) { _ = try await signals.next() }
        }
        let plain = try await loop.submit { Task { try await signals.next() } }
        plain.cancel()
        _ = await plain.result
        while try await loop.submit({ loop.core.participants.all.isEmpty }) {}
        await group.shutdown()
        await expect(.loopClosed) { try await waiting.value }
        isGone.open()
        await expect(.loopClosed) { try await later.value }
    }

    @Test func `listeners on 24 loops hear each signal while others come and go`() async {
        await #expect(processExitsWith: .success) {
            try await hearWhileLoopsChurn(for: .milliseconds(700))
        }
    }

    @Test(.tags(.slow)) func `the same for five seconds`() async {
        await #expect(processExitsWith: .success) {
            try await hearWhileLoopsChurn(for: .seconds(5))
        }
    }
}

/// 24 loops with a listener each, ten threads that make and end loops, signals one after another.
private func hearWhileLoopsChurn(for duration: Duration) async throws {
    let group = try EventLoopGroup(count: 24, name: "hearing")
    let end = ContinuousClock.now + duration
    let churn = Task {
        try await onThreads(10) { _ in
            while ContinuousClock.now < end {
                #expect(throws: Never.self) {
                    try EventLoop.run {
                        let signals = try Signals(.user2, .user1)
                        withExtendedLifetime(signals) {}
                    }
                }
            }
        }
    }
    let listeners = try group.loops.map { _ in try Signals(.user1) }
    repeat {
        try await withThrowingTaskGroup { tasks in
            for (loop, listener) in zip(group.loops, listeners) {
                tasks.addTask { try await loop.submit { try await listener.next() } }
            }
            send(SIGUSR1)
            for try await signal in tasks { #expect(signal == .user1) }
        }
    } while ContinuousClock.now < end
    try await churn.value
    await group.shutdown()
}

extension Signals {
    fileprivate func sending(_ number: Int32) -> Signals {
        send(number)
        return self
    }
}
