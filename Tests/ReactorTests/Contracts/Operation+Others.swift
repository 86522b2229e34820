// Children, signals, time, blocking work and what bridges them.

import Foundation
import Testing

@testable import Reactor

extension Operation {
    private static let sleeper = Command("sleep", "60")

    /// What waits for a child's end leaves no child where the child is its own.
    static let processes = [
        // It waits for the program to be there, no longer.
        Operation("Command.spawn()", kind: .prompt) { attempt in
            try await attempt { _ = try await sleeper.spawn() }
        },
        Operation("Command.run(grace:_:)") {
            try await $0 { try await sleeper.run { _ in try await forever() } }
        },
        Operation("Command.run(grace:returning:)") {
            try await $0 {
                _ = try await sleeper.run(returning: { try await $0.waitUntilExit() })
            }
        },
        Operation("Command.run(grace:)") { try await $0 { try await sleeper.run() } },
        Operation("Command.output(limitBytes:atLimit:grace:)") {
            try await $0 { _ = try await sleeper.output() }
        },
        Operation("Pipeline.output(limitBytes:atLimit:grace:)") {
            try await $0 { _ = try await Pipeline([sleeper, Command("cat")]).output() }
        },
        // The child is somebody else's here: it runs on.
        Operation("ChildProcess.waitUntilExit()") { attempt in
            let child = try await sleeper.spawn()
            try await attempt { try await child.waitUntilExit() }
            #expect(child.exitStatus == nil)
            #expect(await child.terminate() == .signaled(.terminate, coreDumped: false))
        },
        Operation("ProcessWatcher.exit(of:)") { attempt in
            let child = try await sleeper.spawn()
            try await attempt { _ = try await ProcessWatcher.exit(of: child.pid) }
            #expect(child.exitStatus == nil)
            await child.terminate()
        },
        Operation("PseudoTerminal.resize(_:)", kind: .prompt) { attempt in
            let child = try await terminalChild()
            try await attempt {
                try await child.terminal.resize(TerminalSize(columns: 10, rows: 10))
            }
            await child.terminate()
            child.terminal.abort()
        },
    ]

    /// Everything else.
    static let others = time + tasks

    private static let time = [
        Operation("EventLoop.sleep(for:)") {
            try await $0 { try await EventLoop.sleep(for: .seconds(3_600)) }
        },
        Operation("EventLoop.sleep(until:)") {
            try await $0 {
                try await EventLoop.sleep(until: .now.advanced(by: .seconds(3_600)))
            }
        },
        Operation("LoopClock.sleep(until:tolerance:)") {
            try await $0 { try await Task.sleep(for: .seconds(3_600), clock: .loop) }
        },
        Operation("Ticks.AsyncIterator.next()", "Ticks.AsyncIterator.next(isolation:)") {
            try await $0 { for try await _ in Ticks(every: .seconds(3_600)) {} }
        },
        Operation("withTimeout(_:isolation:_:)") {
            try await $0 { try await withTimeout(.seconds(3_600)) { try await forever() } }
        },
        Operation("withDeadline(_:isolation:_:)") {
            try await $0 {
                try await withDeadline(.after(.seconds(3_600))) { try await forever() }
            }
        },
        // A signal that nobody sends.
        Operation(
            "Signals.next()", "Signals.AsyncIterator.next()",
            "Signals.AsyncIterator.next(isolation:)"
        ) { attempt in
            let signals = try Signals(Signal(rawValue: 45))
            try await attempt { _ = try await signals.next() }
            try await Attempt(attempt.ending)({ for try await _ in signals {} })
        },
    ]

    private static let tasks = [
        Operation("EventLoop.statistics", kind: .prompt) { attempt in
            let loop = try #require(EventLoop.current)
            try await attempt { _ = try await loop.statistics }
        },
        Operation("EventLoop.snapshot(limit:patience:)", kind: .prompt) { attempt in
            let loop = try #require(EventLoop.current)
            try await attempt { _ = try await loop.snapshot() }
        },
        Operation("EventLoop.submit(name:_:)") { attempt in
            let loop = try #require(EventLoop.current)
            try await attempt { try await loop.submit { try await forever() } }
        },
        Operation("Future.value") { attempt in
            let promise = Promise<Int>()
            try await attempt { _ = try await promise.future.value }
            promise.succeed(7)
            #expect(try await promise.future.value == 7)
        },
        // The only thread is taken: the body never begins.
        Operation("blocking(on:_:)") { attempt in
            let begun = Counter()
            try await withBusyPool { pool in
                try await attempt { _ = try await blocking(on: pool) { begun.add() } }
            }
            #expect(begun.value == 0)
        },
        // It has begun: it is told, and waited for.
        Operation("blocking(on:_:)") { attempt in
            let pool = BlockingPool(name: "told", maxThreads: 1)
            try await attempt {
                try await blocking(on: pool) {
                    while !Task.isCancelled { spin(100) }
                    throw CancellationError()
                }
            }
            await pool.shutdown()
        },
        // It has begun: it is left behind.
        Operation("abandoningBlocking(on:_:)") { attempt in
            let pool = BlockingPool(name: "left", maxThreads: 1)
            let gate = Gate()
            try await attempt { try await abandoningBlocking(on: pool) { gate.waitBlocking() } }
            gate.open()
            await pool.shutdown()
        },
    ]

    private static func withBusyPool(
        _ body: (BlockingPool) async throws -> Void
    ) async throws {
        let pool = BlockingPool(name: "busy", maxThreads: 1)
        let (gate, isBusy) = (Gate(), Gate())
        let holder = Task {
            try await blocking(on: pool) {
                isBusy.open()
                gate.waitBlocking()
            }
        }
        await isBusy.wait()
        do { try await body(pool) } catch {
            gate.open()
            throw error
        }
        gate.open()
        try await holder.value
        await pool.shutdown()
    }
}
