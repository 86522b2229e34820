// Look-ups that block, each made once for everybody who asks the same at the same time.

/// Calls under way on a pool's threads, by what they ask.
final class SharedLookups<Question: Hashable & Sendable, Answer: Sendable>: Sendable {
    typealias Ask = @Sendable (Question) throws(ReactorError) -> Answer

    private let pool: BlockingPool
    private let ask: Ask
    private let state = Locked(State())

    private struct State {
        /// Those that may still be joined: all that have no answer yet.
        var flights: [Question: Flight] = [:]
        var calls = 0
        var shared = 0
    }

    fileprivate enum End: Sendable {
        case answer(Answer)
        case failed(ReactorError)
        case ended(WaitEnd)
    }

    init(on pool: BlockingPool, _ ask: @escaping Ask) {
        self.pool = pool
        self.ask = ask
    }

    /// One call, with those who wait for its answer.
    ///
    /// Unchecked: all but `question` is behind the lock of its owner's state.
    fileprivate final class Flight: QueuedBody, @unchecked Sendable {
        enum Phase { case queued, running, over }

        let question: Question
        let owner: SharedLookups
        var phase = Phase.queued
        var waits: [ObjectIdentifier: RemoteWait<End>] = [:]

        init(_ question: Question, _ owner: SharedLookups) {
            self.question = question
            self.owner = owner
        }

        var isAbandoned: Bool { phase == .running && waits.isEmpty }

        func fail(_ error: ReactorError) { owner.refuse(self, error) }
    }

    var counts: (inFlight: Int, abandoned: Int, calls: Int, shared: Int) {
        state.withLock { state in
            (
                state.flights.count, state.flights.values.count { $0.isAbandoned }, state.calls,
                state.shared
            )
        }
    }

    // MARK: The callers

    /// The answer, from a call of its own or one that is under way. Cancelling returns at
    /// once, and so does the end of the loop that waits.
    func answer(_ question: Question) async throws -> Answer {
        let wait = LoopWait<End>(for: { "the answer to \(question)" }) { wait, end in
            self.leave(question, wait, end)
        }
        switch await wait.run({ join(question, $0) }) {
        case .answer(let answer): return answer
        case .failed(let error): throw error
        case .ended(.loopClosed): throw ReactorError(.loopClosed, "wait for a look-up")
        case .ended: throw CancellationError()
        }
    }

    private enum Place {
        case first(Flight)
        case shared(wasAbandoned: Bool)
        case none
    }

    private func join(_ question: Question, _ wait: RemoteWait<End>) {
        let place = state.withLock { state in
            if wait.isCancelled.load(ordering: .acquiring) { return Place.none }
            guard let flight = state.flights[question] else {
                let flight = Flight(question, self)
                flight.waits[ObjectIdentifier(wait)] = wait
                state.flights[question] = flight
                return .first(flight)
            }
            let wasAbandoned = flight.isAbandoned
            flight.waits[ObjectIdentifier(wait)] = wait
            state.shared += 1
            return .shared(wasAbandoned: wasAbandoned)
        }
        switch place {
        case .none: wait.settle(.ended(.cancelled))
        case .shared(let wasAbandoned): if wasAbandoned { pool.count(abandoned: -1) }
        case .first(let flight):
            if pool.await(flight) {
                // Detached: it is made for all who join, not under the first one's values.
                Task.detached(executorPreference: pool) { self.perform(flight) }
            } else {
                land(flight, .failed(ReactorError(.closed, "run on \(pool.name)")))
            }
        }
    }

    private func leave(_ question: Question, _ wait: RemoteWait<End>, _ end: WaitEnd) {
        var dropped: Flight?
        var isAbandoned = false
        let wasParked = state.withLock { state in
            wait.isCancelled.store(true, ordering: .releasing)
            guard let flight = state.flights[question],
                flight.waits.removeValue(forKey: ObjectIdentifier(wait)) != nil
            else { return false }
            if flight.waits.isEmpty, flight.phase == .queued {
                flight.phase = .over
                state.flights[question] = nil
                dropped = flight
            }
            isAbandoned = flight.isAbandoned
            return true
        }
        if let dropped {
            pool.forget(dropped)
            pool.count(stale: 1)
        }
        if isAbandoned { pool.count(abandoned: 1) }
        if wasParked { wait.settle(.ended(end)) }
    }

    // MARK: The pool's thread

    private func perform(_ flight: Flight) {
        let isMine = state.withLock { state in
            guard flight.phase == .queued else { return false }
            flight.phase = .running
            state.calls += 1
            return true
        }
        guard isMine else { return pool.count(stale: -1) }
        pool.forget(flight)
        do throws(ReactorError) {
            land(flight, .answer(try ask(flight.question)))
        } catch {
            land(flight, .failed(error))
        }
    }

    /// The pool's end, or its lack of threads.
    private func refuse(_ flight: Flight, _ error: ReactorError) {
        let isMine = state.withLock { _ in
            guard flight.phase == .queued else { return false }
            flight.phase = .over
            return true
        }
        guard isMine else { return }
        pool.count(stale: 1)
        land(flight, .failed(error))
    }

    private func land(_ flight: Flight, _ end: End) {
        var waits: [ObjectIdentifier: RemoteWait<End>] = [:]
        let wasAbandoned = state.withLock { state in
            defer {
                flight.phase = .over
                swap(&waits, &flight.waits)
            }
            if state.flights[flight.question] === flight { state.flights[flight.question] = nil }
            return flight.isAbandoned
        }
        if wasAbandoned { pool.count(abandoned: -1) }
        for wait in waits.values { wait.settle(end) }
    }
}
