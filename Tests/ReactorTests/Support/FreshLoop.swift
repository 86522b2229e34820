// The suite traits: a loop of its own for every test, and the proof that nothing stays open on it.

import Testing
@testable import Reactor

extension Trait where Self == FreshLoop {
    /// Runs every test on a new loop and fails it for whatever it leaves open there.
    ///
    /// The body runs on the loop's thread: `EventLoop.current` is the loop, and what is made
    /// without naming one lives there. Objects may be dropped instead of closed; tasks, timers,
    /// listeners and streams that are still alive when the body returns are leaks.
    static var freshLoop: FreshLoop { FreshLoop(makesLoop: true) }

    /// For suites whose tests make their own loops, or need none.
    static var noLoop: FreshLoop { FreshLoop(makesLoop: false) }
}

/// Also lets a few suites at a time through, and leaves out slow tests where that is asked for.
struct FreshLoop: SuiteTrait, TestTrait, TestScoping {
    let makesLoop: Bool
    var isRecursive: Bool { true }

    /// For the suite as a whole (the turnstile) and for each test case (the loop).
    func scopeProvider(for test: Test, testCase: Test.Case?) -> FreshLoop? { self }

    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?,
        performing body: @concurrent @Sendable () async throws -> Void
    ) async throws {
        if test.isSuite { return try await Turnstile.suites.pass(body) }
        guard testCase != nil else { return try await body() }
        if Skip.slowTests, test.tags.contains(.slow) { return Skip.note("slow", test: test) }
        guard makesLoop else { return try await body() }
        _ = Self.descriptorsAreAllowed
        try await Self.run(body, at: test.sourceLocation)
    }

    private static func run(
        _ body: @concurrent @Sendable () async throws -> Void, at place: SourceLocation
    ) async throws {
        let group = try EventLoopGroup(count: 1, name: "fresh", grace: .seconds(30))
        let loop = group.loops[0]
        let outcome: Result<Void, any Error>
        do {
            // The closure does not outlive this call: `submit` waits for its end.
            try await withoutActuallyEscaping(body) { body in
                try await loop.submit {
                    #expect(loop.isCurrent)
                    try await body()
                }
            }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        // A task of its own: the test may have been cancelled by its time limit.
        let leaks = await Task { await leftovers(on: loop) }.value
        if !leaks.isEmpty {
            Issue.record(
                "left open on the test's loop: \(leaks.joined(separator: ", "))",
                sourceLocation: place)
        }
        for report in await group.shutdown() where !report.holdups.isEmpty {
            Issue.record(
                "the test's loop did not shut down cleanly: \(report)", sourceLocation: place)
        }
        try outcome.get()
    }

    private static let descriptorsAreAllowed: Void = allowAllDescriptors()

    /// What is open on a loop beyond its own wake-up handle and timer, named; empty as soon as
    /// nothing is. Closing takes libuv a turn, dropped objects and ending tasks a few.
    static func leftovers(
        on loop: EventLoop, within limit: Duration = .seconds(20)
    ) async -> [String] {
        let start = ContinuousClock.now
        while true {
            let open = try? await loop.submit { describeOpen(on: loop) }
            guard let open else { return ["the loop itself, which has ended"] }
            if open.isEmpty || ContinuousClock.now - start > limit { return open }
            _ = try? await loop.submit { try await EventLoop.sleep(for: .milliseconds(1)) }
        }
    }

    private static func describeOpen(on loop: EventLoop) -> [String] {
        let core = loop.core
        var open = core.participants.all.map { "\(type(of: $0))" }
        open += loop.work.spawned.map { "task \($0.title)" }
        if core.timers.count > 0 { open.append("\(core.timers.count) timers") }
        for kind in HandleKind.allCases where core.uv.openHandles[kind] > 1 || !kind.isOfEveryLoop {
            let count = core.uv.openHandles[kind] - (kind.isOfEveryLoop ? 1 : 0)
            if count > 0 { open.append("\(count) \(kind) handles") }
        }
        return open
    }
}

extension HandleKind {
    /// A loop polls its wake-up descriptor and has one timer for all its deadlines.
    fileprivate var isOfEveryLoop: Bool { self == .poll || self == .timer }
}

extension Tag {
    /// Takes more than 250 ms; left out of sanitizer runs.
    @Tag static var slow: Tag
}
