// What a loop counts arrives at a metrics system, under the right labels.

import Dispatch
import Reactor
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LoopMetricsTests {
    private let factory = TestFactory()

    private func key(_ label: String, _ loop: EventLoop, kind: String? = nil) -> TestFactory.Key {
        var dimensions = ["loop": loop.name]
        dimensions["kind"] = kind
        return TestFactory.Key("reactor_loop_\(label)", dimensions)
    }

    private func keys(_ loop: EventLoop) -> Set<TestFactory.Key> {
        var keys: Set<TestFactory.Key> = []
        for label in ["turns", "jobs", "accept_backoffs", "lag_seconds", "ready", "tasks"] {
            keys.insert(key(label, loop))
        }
        for kind in ["poll", "timer", "process"] {
            keys.insert(key("handles", loop, kind: kind))
        }
        return keys
    }

    /// Records on a loop of its own while the body runs, and shows that cancelling ends that.
    private func recording(_ body: (EventLoop) async throws -> Void) async throws {
        let group = try EventLoopGroup(count: 1, name: "recorder")
        let factory = factory
        let run = group.loops[0].spawn {
            try await LoopMetrics(factory: factory).run(every: .milliseconds(1))
        }
        try await body(group.loops[0])
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(factory.destroyed.isSuperset(of: factory.values.keys))
        await group.shutdown()
    }

    @Test func `what a loop does arrives under its name, and each step counts once`() async throws {
        let group = try EventLoopGroup(count: 1, name: "worker")
        let loop = group.loops[0]
        for _ in 0..<50 { try await loop.submit {} }
        let before = try await loop.statistics
        try await recording { _ in
            await factory.wait { $0.values[key("jobs", loop)] != nil }
            let resident = loop.spawn { try await EventLoop.sleep(for: .seconds(3_600)) }
            for _ in 0..<100 { try await loop.submit {} }
            await factory.wait {
                $0.values[key("jobs", loop), default: 0] >= 100
                    && $0.values[key("turns", loop), default: 0] >= 1
                    && $0.values[key("tasks", loop)] == 1
            }
            resident.cancel()
        }
        let after = try await loop.statistics
        let values = factory.values
        #expect(Set(values.keys.filter { $0.dimensions["loop"] == loop.name }) == keys(loop))
        #expect(values[key("jobs", loop)]! <= Double(after.jobs - before.jobs))
        #expect(values[key("turns", loop)]! <= Double(after.turns - before.turns))
        #expect(values[key("accept_backoffs", loop)] == 0)
        await group.shutdown()
    }

    @Test func `a loop that begins later is found, and forgotten when it ends`() async throws {
        try await recording { recorder in
            await factory.wait { !$0.values.isEmpty }
            // It is found late, when it has done its work.
            let (hasBegun, release) = (Promise<Void>(), DispatchSemaphore(value: 0))
            let holder = recorder.spawn {
                hasBegun.succeed()
                hold(release)
            }
            try await hasBegun.future.value
            let group = try EventLoopGroup(count: 1, name: "guest")
            let loop = group.loops[0]
            for _ in 0..<50 { try await loop.submit {} }
            release.signal()
            try await holder.value
            await factory.wait { keys(loop).isSubset(of: $0.values.keys) }
            // It counts from its beginning for all that.
            #expect(factory.values[key("jobs", loop)]! >= 50)
            await group.shutdown()
            await factory.wait { keys(loop).isSubset(of: $0.destroyed) }
        }
    }

    @Test func `a loop that is held up shows as lag while it is`() async throws {
        let group = try EventLoopGroup(count: 1, name: "held")
        let loop = group.loops[0]
        let release = DispatchSemaphore(value: 0)
        let holder = loop.spawn { hold(release) }
        try await recording { _ in
            await factory.wait { $0.values[key("lag_seconds", loop), default: 0] >= 1 }
            // Each reading waits for a second alone: the second counts from the first one's begin.
            await factory.wait { $0.values[key("lag_seconds", loop), default: 0] >= 2 }
            release.signal()
            try await holder.value
        }
        await group.shutdown()
    }

    @Test func `a period of nothing is refused, and a cancelled task makes no metrics`()
        async throws
    {
        let metrics = LoopMetrics(factory: factory)
        await #expect {
            try await metrics.run(every: .zero)
        } throws: {
            ($0 as? ReactorError)?.code == .invalidArgument
        }
        let run = Task {
            // SAFETY: the task is used by itself alone, while it runs.
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await metrics.run(every: .seconds(1))
        }
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(factory.values.isEmpty)
    }
}

/// Holds up the thread, as no task should.
private func hold(_ release: DispatchSemaphore) { release.wait() }
