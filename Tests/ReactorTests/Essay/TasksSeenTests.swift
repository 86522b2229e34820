// The complaint: there is no telling which tasks there are, what they are called, and what each of
// them waits for.
//
// Line 9 of the answer: tasks can be seen.

import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TasksSeenTests {
    /// What is still under way when a loop has had no time to end, as its report has it.
    private func report(
        _ body: @escaping @Sendable (EventLoop) async throws -> Void
    ) async throws -> [ShutdownReport.Holdup] {
        let group = try EventLoopGroup(count: 1, name: "seen", grace: .zero)
        try await body(group.loops[0])
        return await group.shutdown().flatMap(\.holdups)
    }

    @Test(arguments: Place.allCases)
    func `a task is known by its name, else by where it was started`(
        from place: Place
    ) async throws {
        let gate = Gate()
        let holdups = try await report { loop in
            try await place.run {
                let haveBegun = [Gate(), Gate()]
                loop.spawn(name: "the poller") {
                    haveBegun[0].open()
                    await gate.wait()
                }
                loop.spawn {
                    haveBegun[1].open()
                    await gate.wait()
                }
                for begun in haveBegun { await begun.wait() }
            }
        }
        gate.open()
        let tasks = holdups.filter { $0.kind == .task }.map(\.name)
        #expect(tasks.count == 2)
        #expect(tasks.first == "the poller")
        #expect(tasks.last?.hasPrefix("ReactorTests/TasksSeenTests.swift:") == true)
    }

    @Test(arguments: Place.allCases)
    func `it is said since when`(from place: Place) async throws {
        let gate = Gate()
        let start = ContinuousClock.now
        let holdups = try await report { loop in
            try await place.run {
                let hasBegun = Gate()
                loop.spawn(name: "old") {
                    hasBegun.open()
                    await gate.wait()
                }
                await hasBegun.wait()
                try await EventLoop.sleep(for: .milliseconds(2))
            }
        }
        gate.open()
        let age = try #require(holdups.first { $0.name == "old" }).age
        #expect(age >= .milliseconds(2))
        #expect(age <= ContinuousClock.now - start)
    }

    @Test(arguments: Place.allCases)
    func `it is said what is waited for, and of whom`(from place: Place) async throws {
        let gate = Gate()
        let addresses = Record<SocketAddress>()
        let holdups = try await report { loop in
            try await place.run {
                // A deaf task keeps the loop; what others wait for is seen beside it.
                let stream = try await loop.submit {
                    let (near, far) = try await tcpPair()
                    addresses.add(near.remoteAddress)
                    Task(executorPreference: loop) { try await near.read(upTo: 1) }
                    return far
                }
                try await loop.submit {
                    try await turnLoop(5)
                    loop.spawn(name: "deaf") {
                        await gate.wait()
                        stream.abort()
                    }
                    try await turnLoop(5)
                }
            }
        }
        gate.open()
        let peer = try #require(addresses.all.first)
        let waiting = holdups.first { $0.name.contains("\(peer)") }
        #expect(waiting?.waitingFor == "bytes from its peer")
        #expect(waiting.map { "\($0)" }?.contains("waiting for bytes from its peer") == true)
    }

    @Test func `it is said at which line, and for whom, and the program is not changed for it`()
        async throws
    {
        try await InspectedProgram.run(debugging: true) { program in
            var keeper: LoopSnapshot.Operation?
            try await until {
                keeper = try await program.look().operations.first { $0.task == "keeper" }
                return keeper != nil
            }
            let source = try SourceTree.text("Tests/Fixtures/Inspected/main.swift")
            let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
            let (waiting, calling) = ("child.waitUntilExit()", "try await keep(child)")
            let numbers = [waiting, calling].map { text in
                lines.firstIndex { $0.contains(text) }.map { $0 + 1 } ?? 0
            }
            #expect(keeper?.waitsAt == "Inspected/main.swift:\(numbers[0])")
            #expect(keeper?.backtrace.last?.hasSuffix("/main.swift:\(numbers[1])") == true)
        }
    }
}
