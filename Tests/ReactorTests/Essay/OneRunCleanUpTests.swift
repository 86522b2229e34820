// The complaint: when the main coroutine has ended its left-over tasks are still there, and
// somebody must collect them, cancel them and run the loop a second time to let them clean up.
//
// Line 7 of the answer: clean-up needs no second run of the loop.

import Foundation
import Testing

import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct OneRunCleanUpTests {
    /// Runs `body` on a loop that the calling thread becomes, with a record to write in.
    private func run(
        grace: Duration = .seconds(40),
        _ body: @escaping @Sendable (EventLoop, Record<String>) async throws -> Void
    ) async throws -> (trail: [String], report: ShutdownReport) {
        try await onThread {
            let trail = Record<String>()
            let reports = Record<ShutdownReport>()
            try EventLoop.run(name: "main", grace: grace, onReport: { reports.add($0) }) {
                try await body(try #require(EventLoop.current), trail)
                trail.add("the body has ended")
            }
            trail.add("run has returned")
            return (trail.all, try #require(reports.all.last))
        }
    }

    @Test(arguments: Place.allCases)
    func `a task left behind is cancelled and may clean up, with waits of its own`(
        in place: Place
    ) async throws {
        let (trail, report) = try await run { loop, trail in
            try await place.run {
                let hasBegun = Gate()
                loop.spawn {
                    hasBegun.open()
                    do { try await EventLoop.sleep(for: .seconds(3_600)) } catch {
                        trail.add("cancelled")
                        // A task of its own: what it waits for is not cancelled.
                        try await Task { try await EventLoop.sleep(for: .microseconds(10)) }.value
                        _ = try await Task { try await blocking { 1 } }.value
                        trail.add("cleaned up")
                    }
                }
                await hasBegun.wait()
            }
        }
        #expect(
            trail == ["the body has ended", "cancelled", "cleaned up", "run has returned"])
        #expect(report.holdups.isEmpty)
    }

    @Test(arguments: Place.allCases)
    func `hooks run after the tasks, the last one first, and may wait`(
        in place: Place
    ) async throws {
        let (trail, report) = try await run { loop, trail in
            try await place.run {
                for name in ["first", "second"] {
                    loop.onShutdown {
                        try await EventLoop.sleep(for: .microseconds(10))
                        trail.add("the \(name) hook")
                    }
                }
                let hasBegun = Gate()
                loop.spawn {
                    defer { trail.add("the task") }
                    hasBegun.open()
                    try await EventLoop.sleep(for: .seconds(3_600))
                }
                await hasBegun.wait()
            }
        }
        #expect(
            trail == [
                "the body has ended", "the task", "the second hook", "the first hook",
                "run has returned",
            ])
        #expect(report.holdups.isEmpty)
    }

    @Test(arguments: Place.allCases)
    func `what was left open is closed, and its users are told`(in place: Place) async throws {
        let left = Record<TCPListener>()
        let (_, report) = try await run { loop, _ in
            let listener = try await place.run {
                try await loop.submit { try await TCPListener.bind(to: .loopback(port: 0)) }
            }
            left.add(listener)
        }
        #expect(report.holdups.isEmpty)
        let listener = try #require(left.all.first)
        let accept = await #expect(throws: ReactorError.self) { try await listener.accept() }
        #expect(accept?.code == .loopClosed)
    }

    @Test(arguments: Place.allCases)
    func `a child left behind is ended and reaped`(in place: Place) async throws {
        let children = Record<ChildProcess>()
        _ = try await run { loop, _ in
            try await place.run {
                children.add(try await loop.submit { try await Command("sleep", "60").spawn() })
            }
        }
        let child = try #require(children.all.first)
        // Killed by then, and reaped by a thread that the loop does not wait for.
        while kill(child.pid, 0) == 0 { await Task.yield() }
    }

    @Test(arguments: Place.allCases)
    func `what had to be forced is named`(in place: Place) async throws {
        let gate = Gate()
        let (_, report) = try await run(grace: .milliseconds(20)) { loop, _ in
            try await place.run {
                let hasBegun = Gate()
                loop.spawn(name: "deaf") {
                    hasBegun.open()
                    await gate.wait()
                }
                await hasBegun.wait()
            }
        }
        gate.open()
        #expect(report.holdups.map(\.name).contains("deaf"))
    }
}
