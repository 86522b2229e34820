// Swift's tasks and actors on a loop: always on its thread, and never lost when it ends.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ExecutorTests {
    @Test func `every kind of child task runs on its parent's loop and resumes there`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        for _ in 0..<250 {
            async let first = visit(loop)
            async let second = visit(loop)
            #expect(await (first, second) == (true, true))
            #expect(loop.isCurrent)
        }
        let visits = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<250 { group.addTask { await visit(loop) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(visits == Array(repeating: true, count: 250))
        await withDiscardingTaskGroup { group in
            for _ in 0..<250 {
                group.addTask {
                    let isHere = await visit(loop)
                    #expect(isHere && loop.isCurrent)
                }
            }
        }
        await withTaskGroup { outer in
            for _ in 0..<16 {
                outer.addTask {
                    await withTaskGroup { inner in
                        for _ in 0..<16 {
                            inner.addTask {
                                let isHere = await visit(loop)
                                #expect(isHere)
                            }
                        }
                    }
                }
            }
        }
    }

    /// True if the caller is on the loop, at first and after each kind of wait.
    private func visit(_ loop: EventLoop) async -> Bool {
        var isHere = loop.isCurrent
        await Task.yield()
        isHere = isHere && loop.isCurrent
        await Task.detached {}.value
        isHere = isHere && loop.isCurrent
        await MainActor.run {}
        isHere = isHere && loop.isCurrent
        await withCheckedContinuation { continuation in
            Task.detached { continuation.resume() }
        }
        return isHere && loop.isCurrent
    }

    // MARK: Pinned actors

    /// Notes whether it is ever in two threads at once, and whether it leaves its loop.
    private actor Pinned {
        let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor {
            unsafe loop.serialExecutor.asUnownedSerialExecutor()
        }

        let inside = Counter()
        private(set) var overlaps = 0
        private(set) var strayed = 0
        private(set) var calls = 0

        init(_ loop: EventLoop) { self.loop = loop }

        @discardableResult
        func call(steps: Int = 2_000) -> Int {
            if inside.add() != 1 { overlaps += 1 }
            if !loop.isCurrent { strayed += 1 }
            calls += 1
            spin(steps)
            inside.add(-1)
            return calls
        }
    }

    @Test func `a pinned actor runs on its loop, whoever calls it`() async throws {
        let loop = try #require(EventLoop.current)
        let pinned = Pinned(loop)
        await withTaskGroup { group in
            for number in 0..<8 {
                group.addTask(executorPreference: number % 2 == 0 ? globalConcurrentExecutor : loop)
                {
                    for _ in 0..<200 { await pinned.call() }
                }
            }
        }
        #expect(await pinned.calls == 1_600)
        #expect(await pinned.strayed == 0)
        #expect(await pinned.overlaps == 0)
        #expect(loop.isCurrent)
    }

    @Test func `a pinned actor never overlaps itself, while its loop ends and after`()
        async throws
    {
        let group = try EventLoopGroup(count: 1)
        let pinned = Pinned(group.loops[0])
        let (begun, ended) = (Gate(), Gate())
        try await withThrowingTaskGroup { tasks in
            for _ in 0..<8 {
                tasks.addTask(executorPreference: globalConcurrentExecutor) {
                    for _ in 0..<500 where await pinned.call() == 500 { begun.open() }
                    await ended.wait()
                    for _ in 0..<10 { await pinned.call() }
                }
            }
            await begun.wait()
            await group.shutdown()
            ended.open()
            for try await _ in tasks {}
        }
        #expect(await pinned.calls == 4_080)
        #expect(await pinned.overlaps == 0)
        #expect(await pinned.strayed >= 80, "whoever came after the end")
    }

    @Test func `a pinned actor that outlives its loop object still runs`() async throws {
        /// Keeps the executor, not the loop.
        actor Orphan {
            let executor: any SerialExecutor
            nonisolated var unownedExecutor: UnownedSerialExecutor {
                unsafe executor.asUnownedSerialExecutor()
            }
            private var calls = 0
            init(_ executor: any SerialExecutor) { self.executor = executor }
            func call() -> Int {
                calls += 1
                return calls
            }
        }
        weak var forgotten: EventLoop?
        let orphan: Orphan
        do {
            let group = try EventLoopGroup(count: 1)
            forgotten = group.loops[0]
            orphan = Orphan(group.loops[0].serialExecutor)
            #expect(await orphan.call() == 1)
            await group.shutdown()
        }
        // The loop's thread lets go of it last.
        while forgotten != nil { await Task.yield() }
        for number in 2..<100 { #expect(await orphan.call() == number) }
    }

    // MARK: Ended loops

    @Test func `tasks suspended elsewhere when their loop ends go on, and complete`()
        async throws
    {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let (gate, parked) = (Gate(), Counter())
        let allParked = Gate()
        let tasks = (0..<100).map { number in
            Task(executorPreference: loop) {
                if parked.add() == 100 { allParked.open() }
                await gate.wait()
                // On the fallback thread, where everything but the loop works.
                await Task.yield()
                async let child = number
                await expect(.loopClosed) { try await loop.submit {} }
                return await child
            }
        }
        await allParked.wait()
        await group.shutdown()
        gate.open()
        for (number, task) in tasks.enumerated() { #expect(await task.value == number) }
    }

    @Test func `a task made for an ended loop runs, and is told`() async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        await group.shutdown()
        #expect(await Task(executorPreference: loop) { EventLoop.current }.value == nil)
        await expect(.loopClosed) { try await loop.spawn {}.value }
        await expect(.loopClosed) { try await loop.spawn(after: .seconds(60)) {}.value }
    }
}
