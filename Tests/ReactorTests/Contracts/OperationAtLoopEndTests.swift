// What the end of a loop does to every public call that suspends: who waits is told, and who comes
// later too.

import Testing

@testable import Reactor

// One after the other: a limit says nothing while hundreds of loops share two cores.
@Suite(.noLoop, .serialized, .timeLimit(.minutes(5)))
struct OperationAtLoopEndTests {
    /// A stream in memory belongs to no loop.
    private static let onLoops = Operation.all.filter {
        $0.canRunHere && !$0.names[0].hasPrefix("InMemoryStream")
    }

    /// Bodies that have begun on a pool's thread are waited for, as documented: left out.
    private static let waiting = onLoops.filter {
        $0.kind == .waits && !$0.names[0].lowercased().contains("blocking")
    }

    /// Calls on something that lives on the loop, whoever makes them. The others stand on their
    /// caller's loop, if it has one, or on the loops that they are given.
    private static let onObjects = waiting.filter { operation in
        ![
            ".connect(", ".withConnection(", ".bind(host", ".open(", "SystemResolver.", "Command.",
            "Pipeline.", "ProcessWatcher.", ".sleep(", "Ticks.", "withTimeout(", "withDeadline(",
            "Future.", "Signals.", ".serve(on:",
        ].contains { operation.names[0].contains($0) }
    }

    @Test(arguments: waiting, [Ending.loopEnd, .homeEnd])
    func `whoever waits is told when the loop ends`(
        operation: Operation, by ending: Ending
    ) async throws { try await Self.end(operation, ending) }

    @Test(arguments: onObjects)
    func `so is who belongs to no loop`(operation: Operation) async throws {
        try await Self.end(operation, .objectEnd)
    }

    @Test func `so is who waits for room in the kernel`() async {
        await #expect(processExitsWith: .success) {
            for operation in Operation.all where operation.kind == .waitsWithFaults {
                for ending in [Ending.loopEnd, .homeEnd, .objectEnd] {
                    try await OperationAtLoopEndTests.end(operation, ending)
                }
            }
        }
    }

    /// Ends the loop while the call waits. One that hangs is left behind, and named.
    private static func end(_ operation: Operation, _ ending: Ending) async throws {
        let group = try EventLoopGroup(count: 1, grace: .zero)
        let loop = group.loops[0]
        let attempt = Attempt(ending)
        let run = Task.detached {
            let task = try await loop.submit {
                // Not cancelled with the loop's own work.
                Task(executorPreference: loop) {
                    defer { attempt.isWaiting.open() }
                    try await operation.perform(attempt)
                }
            }
            try await task.value
        }
        let shutdown = Task.detached {
            await attempt.isWaiting.wait()
            await group.shutdown()
        }
        let name = operation.names[0]
        guard await isOver(shutdown) else {
            Issue.record("\(name): the loop's end hangs")
            return
        }
        guard await isOver(run) else {
            Issue.record("\(name): hangs once its loop has ended")
            return
        }
        await #expect(throws: Attempt.LoopHasEnded.self, "\(name)") { try await run.value }
        #expect(attempt.ends.all.count == 1)
        for end in attempt.ends.all {
            // What cleans up after itself is cancelled by what it stands on.
            let error = #expect(throws: (any Error).self) { try end.get() }
            let isTold = error is CancellationError || ReactorError.Code(error) == .loopClosed
            #expect(isTold, "\(name): \(String(describing: error))")
        }
    }

    /// False if it takes much longer than any loop's end.
    private static func isOver(_ task: Task<some Sendable, some Error>) async -> Bool {
        let (gate, hasEnded) = (Gate(), Counter())
        Task.detached {
            _ = await task.result
            hasEnded.add()
            gate.open()
        }
        let limit = Task.detached {
            try await Task.sleep(for: .seconds(30))
            gate.open()
        }
        await gate.wait()
        limit.cancel()
        return hasEnded.value == 1
    }

    // To call a loop one must have it: EndedLoopTests do.
    @Test(
        arguments: onLoops.filter {
            $0.kind != .waitsWithFaults && !$0.names[0].hasPrefix("EventLoop.s")
        })
    func `whoever comes after the end is told so`(operation: Operation) async throws {
        let ended = try await withOtherLoop { $0 }
        let error = await HomeLoop.$current.withValue(ended) {
            await Task {
                await #expect(throws: (any Error).self) {
                    try await operation.perform(Attempt(.loopEndBefore))
                }
            }.value
        }
        #expect(ReactorError.Code(error) == .loopClosed, "\(String(describing: error))")
    }

    @Test func `eight who end a group at once, and one who does it again, all see the end`()
        async throws
    {
        let hooks = Counter()
        let group = try EventLoopGroup(count: 2)
        for loop in group.loops { loop.onShutdown { hooks.add() } }
        let reports = await withTaskGroup { tasks in
            for index in 0..<8 {
                tasks.addTask {
                    await index % 2 == 0
                        ? group.shutdown() : Task.detached { await group.shutdown() }.value
                }
            }
            return await tasks.reduce(into: []) { $0.append($1) }
        }
        #expect(reports.count == 8)
        #expect(reports.allSatisfy { $0.count == 2 })
        #expect(await group.shutdown().count == 2)
        #expect(hooks.value == 2)
    }
}
