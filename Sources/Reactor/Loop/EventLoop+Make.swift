// Making loop-bound objects from any thread.

extension EventLoop {
    /// Runs `make` on the loop's thread: at once where the caller is there. `ended` releases what
    /// the caller brought if the loop has ended, in which case `make` has not run.
    @inline(never)
    func make<Object: Sendable>(
        _ make: @escaping @Sendable () throws -> Object,
        ifEnded ended: @escaping @Sendable () -> Void = {}
    ) async throws -> Object {
        if isCurrent { return try make() }
        return try await makeElsewhere(make, ended)
    }

    @inline(never)
    private func makeElsewhere<Object: Sendable>(
        _ make: @escaping @Sendable () throws -> Object,
        _ ended: @escaping @Sendable () -> Void
    ) async throws -> Object {
        let wait = RemoteWait<Result<Object, any Error>>()
        return try await wait.suspend {
            let sent = post { wait.settle(Result(catching: make)) }
            if !sent {
                ended()
                wait.settle(.failure(ReactorError(.loopClosed, "use \(name)")))
            }
        }.get()
    }
}
