// What the end of a loop does to every public call that suspends and comes later.

import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(1)))
struct OperationAtLoopEndTests {
    /// A stream in memory belongs to no loop.
    private static let onLoops = Operation.all.filter {
        $0.canRunHere && !$0.names[0].hasPrefix("InMemoryStream")
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
