// What became of an operation, and how tests say what should have.

import Testing
@testable import Reactor

/// What became of an operation, to compare.
enum Outcome: Equatable {
    case ok, cancelled
    case failed(ReactorError.Code)

    init(_ body: () async throws -> Void) async throws {
        do {
            try await body()
            self = .ok
        } catch let error as ReactorError {
            self = .failed(error.code)
        } catch is CancellationError {
            self = .cancelled
        }
    }
}

/// Runs `body` in a task that is cancelled before it begins.
func cancelled(_ body: @escaping @Sendable () async throws -> Void) async throws -> Outcome {
    try await withThrowingTaskGroup(of: Outcome.self) { group in
        group.cancelAll()
        group.addTask { try await Outcome(body) }
        return try await group.next()!
    }
}

/// Expects that `body` throws a `ReactorError` with this code.
func expect(
    _ code: ReactorError.Code, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> some Any
) async {
    let error = await #expect(
        throws: ReactorError.self, comment, sourceLocation: sourceLocation
    ) { _ = try await body() }
    #expect(error?.code == code, comment, sourceLocation: sourceLocation)
}
