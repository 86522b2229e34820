// A question to a loop that may not come round to it: the asker can leave.

/// The wait of one asker, settled by the loop, by cancellation, or by whoever else has an answer.
final class Inquiry<Answer: Sendable>: Sendable {
    private struct State {
        var isParked = false
        var early: Result<Answer, any Error>?
    }

    private let wait = RemoteWait<Result<Answer, any Error>>()
    private let state = Locked(State())

    /// Asks, and waits until somebody settles it.
    func run(_ ask: () -> Void) async throws -> Answer {
        try await withTaskCancellationHandler {
            await wait.suspend {
                let early = state.withLock { state in
                    state.isParked = true
                    return state.early
                }
                if let early { return wait.settle(early) }
                ask()
            }
        } onCancel: {
            settle(.failure(CancellationError()))
        }.get()
    }

    /// On any thread; the first one counts.
    func settle(_ result: Result<Answer, any Error>) {
        let isParked = state.withLock { state in
            if !state.isParked, state.early == nil { state.early = result }
            return state.isParked
        }
        if isParked { wait.settle(result) }
    }
}

extension EventLoop {
    /// What `question` says on this loop's thread: at once where the caller is there.
    func answer<Answer: Sendable>(
        _ question: @escaping @Sendable () -> Answer
    ) async throws -> Answer {
        try Task.checkCancellation()
        let ended = ReactorError(.loopClosed, "ask \(name)")
        if isCurrent {
            if core.isClosed { throw ended }
            return question()
        }
        let inquiry = Inquiry<Answer>()
        return try await inquiry.run {
            let sent = post {
                inquiry.settle(
                    self.core.isClosed ? .failure(ended) : .success(question()))
            }
            if !sent { inquiry.settle(.failure(ended)) }
        }
    }
}
