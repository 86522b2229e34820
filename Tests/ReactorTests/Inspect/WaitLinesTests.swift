// With REACTOR_DEBUG=1 every wait says where in the source it stands, and since when.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct WaitLinesTests {
    /// The line of the fixture that has `text` in it, as a place.
    private func place(_ text: String) throws -> String {
        let lines = try SourceTree.text("Tests/Fixtures/Inspected/main.swift")
            .split(separator: "\n", omittingEmptySubsequences: false)
        let index = try #require(lines.firstIndex { $0.contains(text) })
        return "Inspected/main.swift:\(index + 1)"
    }

    /// The waits by what they are for, once there are as many as the fixture has.
    private func waits(_ program: InspectedProgram) async throws -> [LoopSnapshot.Operation] {
        var waits: [LoopSnapshot.Operation] = []
        try await until {
            waits = try await program.look().operations
            return waits.count >= 9
        }
        return waits
    }

    @Test func `each wait has the line of the caller that waits, wherever the wait is made`()
        async throws
    {
        try await InspectedProgram.run(debugging: true) { program in
            let waits = try await waits(program)
            func line(_ what: String, task: String?) -> String? {
                waits.first { $0.what.hasPrefix(what) && $0.task == task }?.waitsAt
            }
            let bytes = waits.filter { $0.what.hasPrefix("bytes from 127.0.0.1") }
            #expect(
                Set(bytes.map(\.waitsAt)) == [
                    try place("in stream.chunks"), try place("client.read(upTo: 2)"),
                ])
            #expect(try line("the end of a sleep", task: "sleeper") == place("EventLoop.sleep("))
            #expect(try line("the end of sleep", task: "keeper") == place("child.waitUntilExit()"))
            #expect(try line("datagrams on", task: "receiver") == place("socket.receive()"))
            #expect(
                try line("the promise never", task: "asker") == place("promise.future.value"))
            // The task that a time limit has made waits in the name of its maker.
            #expect(
                try line("bytes from the other", task: "limited") == place("near.read(upTo: 1)"))
            // One that is on no loop, and that nobody has named.
            #expect(try line("bytes from the other", task: nil) == place("far.read(upTo: 1)"))
            #expect(
                try await program.look().tasks.first { $0.name == "keeper" }?.waitsAt
                    == place("child.waitUntilExit()"))
        }
    }

    @Test func `a wait names those who wait for it, and no function of the library`()
        async throws
    {
        try await InspectedProgram.run(debugging: true) { program in
            let keeper = try #require(try await waits(program).first { $0.task == "keeper" })
            #expect(keeper.backtrace.count == 2, "\(keeper.backtrace)")
            #expect(
                try keeper.backtrace.first == "keep(_:) at \(place("child.waitUntilExit()"))")
            #expect(
                try keeper.backtrace.last?.hasSuffix(" at \(place("try await keep(child)"))")
                    == true)
        }
    }

    @Test func `each wait has its beginning`() async throws {
        try await InspectedProgram.run(debugging: true) { program in
            for wait in try await waits(program) {
                let waiting = try #require(wait.waiting, "\(wait)")
                #expect(waiting >= .zero && waiting < .seconds(120), "\(wait)")
            }
        }
    }

    @Test func `a shutdown that a wait held up tells its line`() async throws {
        let log = try await InspectedProgram.run(debugging: true) { _ = try await waits($0) }
        let late = log.split(separator: "\n").filter { $0.contains("still busy") }
        let line = try place("in stream.chunks")
        #expect(late.contains { $0.hasSuffix(", at \(line)") }, "\(log)")
    }

    @Test func `without the variable nothing is looked up, and a sleep still has its beginning`()
        async throws
    {
        try await InspectedProgram.run { program in
            let waits = try await waits(program)
            #expect(waits.allSatisfy { $0.waitsAt == nil && $0.backtrace.isEmpty })
            #expect(try await program.look().tasks.allSatisfy { $0.waitsAt == nil })
            let sleeper = try #require(waits.first { $0.task == "sleeper" })
            #expect(try #require(sleeper.waiting) < .seconds(120))
        }
    }

    @Test func `the functions of a suspended task are found in this very program`() async throws {
        let suspended = Promise<CallChain>()
        let resume = Promise<Suspension<Int>>()
        let task = Task { await standsHere(suspended, resume) }
        let frames = SourceLines.frames(of: try await suspended.future.value)
        #expect(frames.first?.function == "WaitLinesTests.standsHere(_:_:)")
        #expect(frames.first?.place.hasPrefix("ReactorTests/WaitLinesTests.swift:") == true)
        #expect(frames.count == 2, "\(frames)")
        try await resume.future.value.resume(7)
        #expect(await task.value == 7)
    }

    @Test func `a function that calls itself is told as often as it has, whoever was seen first`()
        async throws
    {
        for depth in [6, 2, 9] {
            let suspended = Promise<CallChain>()
            let resume = Promise<Suspension<Int>>()
            let task = Task { await nested(depth, suspended, resume) }
            let frames = SourceLines.frames(of: try await suspended.future.value)
            #expect(frames.count { $0.function.contains("nested") } == depth + 1, "\(frames)")
            #expect(frames.count == depth + 3, "\(frames)")
            try await resume.future.value.resume(0)
            #expect(await task.value == depth)
        }
    }

    private func nested(
        _ depth: Int, _ suspended: Promise<CallChain>, _ resume: Promise<Suspension<Int>>
    ) async -> Int {
        if depth == 0 { return await standsHere(suspended, resume) }
        return await nested(depth - 1, suspended, resume) + 1
    }

    private func standsHere(
        _ suspended: Promise<CallChain>, _ resume: Promise<Suspension<Int>>
    ) async -> Int {
        let own = TaskIdentity.current
        return await suspend {
            suspended.succeed(CallChain(of: own!))
            resume.succeed($0)
        }
    }

    @Test func `what is known of tasks that are gone goes when there is much of it`() async throws {
        let loop = try #require(EventLoop.current)
        let sleeper = loop.spawn(name: "sleeper") {
            try await EventLoop.sleep(for: .seconds(3_600))
        }
        while try await loop.snapshot().operations.isEmpty { await Task.yield() }
        let sleeping = try #require(loop.core.parkedWaits.keys.first)
        // Objects that live cannot be told apart from tasks.
        let objects = (0..<5_000).map { _ in Gate() }
        let tasks = objects.map { TaskIdentity(address: ObjectIdentifier($0)) }
        loop.core.noteStep(of: sleeping, MonotonicTime(nanoseconds: 7))
        for task in tasks { loop.core.noteStep(of: task) }
        #expect(loop.core.lastSteps[sleeping] == MonotonicTime(nanoseconds: 7), "it still waits")
        #expect(loop.core.lastSteps[tasks[0]] == nil)
        #expect(tasks.count { loop.core.lastSteps[$0] != nil } <= 1_024)
        withExtendedLifetime(objects) {}
        sleeper.cancel()
        _ = await sleeper.result
    }
}
