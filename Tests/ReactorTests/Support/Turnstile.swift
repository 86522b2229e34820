// Lets a few suites run at a time: Swift Testing starts every test of a process at once.

@testable import Reactor

/// Each loop takes a thread and some ten descriptors, and timing tests need a quiet machine.
///
/// Suites wait here, not tests: a test's time limit runs while it waits, a suite has none.
actor Turnstile {
    static let suites = Turnstile(width: 4)

    @TaskLocal private static var isInside = false

    private let width: Int
    private var inside = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(width: Int) { self.width = width }

    /// Runs `body` when there is room. A suite inside another has its parent's place.
    nonisolated func pass(_ body: () async throws -> Void) async throws {
        if Self.isInside { return try await body() }
        await enter()
        do { try await Self.$isInside.withValue(true) { try await body() } } catch {
            await leave()
            throw error
        }
        await leave()
    }

    private func enter() async {
        if inside < width {
            inside += 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty { inside -= 1 } else { waiting.removeFirst().resume() }
    }
}
