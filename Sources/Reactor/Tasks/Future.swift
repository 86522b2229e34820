// What a promise will bring, for any number of tasks to await.

/// The side of a ``Promise`` that is awaited: by many tasks, before and after it is completed.
///
/// It does not keep its promise alive.
public final class Future<Value: Sendable>: Sendable {
    private enum End: Sendable {
        case completed
        case ended(WaitEnd)
    }

    private struct State {
        var result: Result<Value, any Error>?
        /// By identity, so that one of a million leaves as fast as one of two; with their order.
        var waits: [ObjectIdentifier: (order: Int, wait: RemoteWait<End>)] = [:]
        var lastOrder = 0
    }

    private let state = Locked(State())

    let name: String?
    private let place: SourcePlace

    init(name: String?, _ place: SourcePlace) {
        self.name = name
        self.place = place
    }

    /// For people.
    var subject: String {
        name.map { "the promise \($0), made at \(place)" } ?? "a promise made at \(place)"
    }

    /// What it was completed with; `nil` until then.
    public var result: Result<Value, any Error>? { state.withLock { $0.result } }

    /// The value.
    ///
    /// Suspends until the promise is completed; not at all if it is. Cancelling ends this task's
    /// wait at once with `CancellationError`; the promise, and others who await it, are not
    /// disturbed. Those who wait are woken in the order in which they came.
    ///
    /// - Throws: The error that the promise was failed with; ``ReactorError/Code/abandoned`` if it
    ///   was dropped; `CancellationError`; ``ReactorError/Code/loopClosed`` if the loop that waits
    ///   shuts down.
    public var value: Value {
        get async throws {
            try Task.checkCancellation()
            if let result { return try result.get() }
            let wait = LoopWait<End>(for: { self.subject }) { wait, end in self.leave(wait, end) }
            switch await wait.run({ park($0) }) {
            case .completed, .ended(.done): return try result!.get()
            case .ended(.cancelled): throw CancellationError()
            case .ended(.loopClosed): throw ReactorError(.loopClosed, "await a promise")
            }
        }
    }

    private func park(_ wait: RemoteWait<End>) {
        let end = state.withLock { state -> End? in
            if state.result != nil { return .completed }
            if wait.isCancelled.load(ordering: .acquiring) { return .ended(.cancelled) }
            state.lastOrder += 1
            state.waits[ObjectIdentifier(wait)] = (state.lastOrder, wait)
            return nil
        }
        if let end { wait.settle(end) }
    }

    private func leave(_ wait: RemoteWait<End>, _ end: WaitEnd) {
        let isParked = state.withLock { state in
            wait.isCancelled.store(true, ordering: .releasing)
            return state.waits.removeValue(forKey: ObjectIdentifier(wait)) != nil
        }
        if isParked { wait.settle(.ended(end)) }
    }

    /// False if it was completed before.
    @discardableResult
    func complete(_ result: Result<Value, any Error>) -> Bool {
        var waits: [ObjectIdentifier: (order: Int, wait: RemoteWait<End>)] = [:]
        let isFirst = state.withLock { state in
            guard state.result == nil else { return false }
            state.result = result
            swap(&waits, &state.waits)
            return true
        }
        if waits.count == 1 {
            waits.first!.value.wait.settle(.completed)
        } else {
            for (_, wait) in waits.values.sorted(by: { $0.order < $1.order }) {
                wait.settle(.completed)
            }
        }
        return isFirst
    }
}
