// The end of a loop: who is cancelled, who is awaited, who is told.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct ShutdownTests {
    private struct Failure: Error {}

    // MARK: Tasks and hooks

    @Test func `spawned tasks are cancelled and awaited before the hooks`() async throws {
        let group = try EventLoopGroup(count: 1, grace: .seconds(3_600))
        let loop = group.loops[0]
        let order = Record<String>()
        for _ in 0..<3 {
            loop.spawn {
                try? await EventLoop.sleep(for: .seconds(3_600))
                for _ in 0..<10 { await Task.yield() }
                order.add("task")
            }
        }
        loop.onShutdown { order.add("hook") }
        let reports = await group.shutdown()
        #expect(order.all == ["task", "task", "task", "hook"])
        #expect(reports.map(\.holdups) == [[]])
    }

    @Test func `hooks run in reverse order, one after the other, and may await`() async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let order = Record<Int>()
        for number in 0..<5 {
            loop.onShutdown {
                order.add(number)
                #expect(loop.isCurrent)
                try await EventLoop.sleep(for: .milliseconds(2))
                #expect(try await Task { try EventLoop.forNewObjects() }.value == loop)
                order.add(number)
            }
        }
        await group.shutdown()
        #expect(order.all == [4, 4, 3, 3, 2, 2, 1, 1, 0, 0])
    }

    @Test func `a hook that throws does not keep others from running`() async throws {
        let group = try EventLoopGroup(count: 1, grace: .seconds(3_600))
        let ran = Counter()
        group.loops[0].onShutdown { ran.add() }
        group.loops[0].onShutdown { throw Failure() }
        #expect(await group.shutdown().map(\.holdups) == [[]])
        #expect(ran.value == 1)
    }

    @Test func `a hook may add a hook, and start tasks that are awaited`() async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let order = Record<String>()
        loop.onShutdown {
            order.add("first")
            loop.onShutdown { order.add("second") }
            loop.spawn {
                for _ in 0..<100 { await Task.yield() }
                order.add("task")
            }
        }
        await group.shutdown()
        #expect(order.all.sorted() == ["first", "second", "task"])
    }

    @Test func `a hook too late to run is let go`() async throws {
        weak var forgotten: Gate?
        do {
            let group = try EventLoopGroup(count: 1)
            await group.shutdown()
            let gate = Gate()
            forgotten = gate
            group.loops[0].onShutdown { gate.open() }
            withExtendedLifetime(group) {}
        }
        #expect(forgotten == nil)
    }

    @Test func `the late are named, hooks are cancelled, and the loop ends`() async throws {
        let group = try EventLoopGroup(count: 1, grace: .milliseconds(20))
        let loop = group.loops[0]
        let (gate, wasCancelled, lastRan) = (Gate(), Gate(), Gate())
        let task = loop.spawn(name: "deaf") { await gate.wait() }
        loop.onShutdown(name: "last") { lastRan.open() }
        loop.onShutdown(name: "slow") {
            await withTaskCancellationHandler {
                await gate.wait()
            } onCancel: {
                wasCancelled.open()
            }
        }
        let start = ContinuousClock.now
        let reports = await group.shutdown()
        #expect(ContinuousClock.now - start >= .milliseconds(20))
        #expect(reports.flatMap(\.holdups).map(\.name) == ["deaf", "slow"])
        #expect(reports.flatMap(\.holdups).map(\.kind) == [.task, .hook])
        #expect(reports[0].holdups[0].age >= .milliseconds(20))
        #expect(lastRan.isOpen)
        await wasCancelled.wait()
        gate.open()
        // It ends all the same, on the fallback thread.
        try await task.value
    }

    @Test func `a shutdown without any grace ends at once`() async throws {
        let group = try EventLoopGroup(count: 2, grace: .zero)
        let gate = Gate()
        for loop in group.loops {
            loop.spawn(name: "deaf") { await gate.wait() }
            for _ in 0..<3 { loop.onShutdown(name: "hook") { await gate.wait() } }
        }
        let reports = await group.shutdown()
        for report in reports {
            #expect(report.holdups.map(\.name) == ["deaf", "hook", "hook", "hook"])
        }
        gate.open()
    }

    // MARK: Calling it

    @Test func `eight tasks may ask for it at once, and again later`() async throws {
        let group = try EventLoopGroup(count: 2)
        let hooks = Counter()
        for loop in group.loops { loop.onShutdown { hooks.add() } }
        await withTaskGroup { tasks in
            for _ in 0..<8 {
                tasks.addTask {
                    #expect(await group.shutdown().count == 2)
                }
            }
        }
        #expect(await group.shutdown().count == 2)
        #expect(hooks.value == 2)
    }

    @Test func `a cancelled task waits for it all the same`() async throws {
        let group = try EventLoopGroup(count: 1)
        let task = Task { await group.shutdown() }
        task.cancel()
        #expect(await task.value.count == 1)
        await expect(.loopClosed) { try await group.loops[0].submit {} }
    }

    @Test func `a task that asks for its own loop's end is continued elsewhere`() async throws {
        let group = try EventLoopGroup(count: 1, grace: .milliseconds(10))
        let loop = group.loops[0]
        let reports = try await loop.submit { await group.shutdown() }
        #expect(reports.count == 1)
        #expect(!loop.isCurrent)
    }
}
