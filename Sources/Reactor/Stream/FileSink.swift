// Writing what cannot be polled, such as a file given as standard output: on the blocking pool.

/// One open file, written where it stands. Its descriptor stays the owner's.
///
/// The machine is that of sockets. What is queued is written by one body at a time on the pool, and
/// a write returns once its bytes are out: nobody has to flush at the end of a program.
final class FileSink: Sendable {
    private struct State {
        var outbound = Outbound()
        var isWriting = false
        var isClosing = false
        var isClosed = false
    }

    private let descriptor: Descriptor
    private let name: String
    private let state = Locked(State())
    private let released: @Sendable () -> Void

    init(_ descriptor: Descriptor, _ name: String, released: @escaping @Sendable () -> Void) {
        self.descriptor = descriptor
        self.name = name
        self.released = released
    }

    // MARK: Writing

    func write(_ bytes: Span<UInt8>) async throws {
        try await write([BorrowedMemory(bytes).copy(prefix: bytes.count)])
    }

    func write(_ parts: [[UInt8]]) async throws {
        try Task.checkCancellation()
        let mustStart = try state.withLock { state throws(ReactorError) in
            if let refusal = state.outbound.refusal({ "write to \(name)" }) { throw refusal }
            for part in parts { state.outbound.append(part) }
            return Self.mustStart(&state)
        }
        if mustStart { start() }
        try await waitUntilWritten()
    }

    func finish() async throws {
        try Task.checkCancellation()
        try state.withLock { state throws(ReactorError) in
            if let refusal = state.outbound.refusal({ "write to \(name)" }) { throw refusal }
            _ = state.outbound.finish()
        }
        try await waitUntilWritten()
    }

    private func waitUntilWritten() async throws {
        let wait = RemoteWait<WriteOutcome>()
        try await withTaskCancellationHandler {
            await wait.suspend { park(wait) }
        } onCancel: {
            wait.isCancelled.store(true, ordering: .releasing)
            state.withLock { $0.outbound.cancel(WaitID(wait)) }?.resume(.cancelled)
        }.check()
    }

    private func park(_ wait: RemoteWait<WriteOutcome>) {
        let outcome: WriteOutcome? = state.withLock { state in
            if state.outbound.pending == 0 {
                return state.outbound.failure.map { .failed($0) } ?? .done
            }
            if wait.isCancelled.load(ordering: .acquiring) { return .cancelled }
            state.outbound.park(
                Outbound.Writer(id: WaitID(wait), waiter: .elsewhere(wait), below: 1))
            return nil
        }
        if let outcome { wait.settle(outcome) }
    }

    // MARK: The pool's side

    private static func mustStart(_ state: inout State) -> Bool {
        guard !state.isWriting, state.outbound.pending > 0 else { return false }
        state.isWriting = true
        return true
    }

    private func start() {
        Task(executorPreference: BlockingPool.shared) { self.drain() }
    }

    /// Writes until nothing is left. The front's memory stays in place meanwhile: `abort` leaves
    /// the pieces alone while this runs.
    private func drain() {
        while let memory = state.withLock({ next(&$0)?.value }) {
            let count = descriptor.write(memory)
            let done = state.withLock { settle(&$0, count) }
            for (waiter, outcome) in done { waiter.resume(outcome) }
        }
    }

    private func next(_ state: inout State) -> Unchecked<BorrowedMemory>? {
        let memory = state.outbound.front(limit: 1).first
        state.isWriting = memory != nil
        return memory.map(Unchecked.init)
    }

    private func settle(
        _ state: inout State, _ count: Int
    ) -> [(Waiter<WriteOutcome>, WriteOutcome)] {
        if state.isClosed || count < 0 {
            let code = ReactorError.Code(rawValue: Int32(min(count, 0)))
            let error = ReactorError(state.isClosed ? .closed : code, "write to \(name)")
            return state.outbound.fail(error).map { ($0, .failed(error)) }
        }
        state.outbound.sent(count)
        _ = state.outbound.takeDueFinish()
        var done: [(Waiter<WriteOutcome>, WriteOutcome)] = []
        while let waiter = state.outbound.nextReady() { done.append((waiter, .done)) }
        return done
    }

    // MARK: The end

    func close() async {
        let error = ReactorError(.closed, "use \(name)")
        let waiters = state.withLock { state in
            // Later ones wait with the first.
            if state.isClosing { return [] as [Waiter<WriteOutcome>] }
            state.isClosing = true
            state.outbound.refuse(error)
            return state.outbound.takeWriters()
        }
        for waiter in waiters { waiter.resume(.failed(error)) }
        // A file takes what is left in a bounded time; cancelling does not shorten it.
        let wait = RemoteWait<WriteOutcome>()
        _ = await wait.suspend { park(wait) }
        abort()
    }

    func abort() {
        let error = ReactorError(.closed, "use \(name)")
        let (isFirst, waiters) = state.withLock { state in
            let isFirst = !state.isClosed
            state.isClosed = true
            // While a body of the pool writes, the pieces are its to drop.
            if state.isWriting {
                state.outbound.refuse(error)
                return (isFirst, state.outbound.takeWriters())
            }
            return (isFirst, state.outbound.fail(error))
        }
        for waiter in waiters { waiter.resume(.failed(error)) }
        if isFirst { released() }
    }
}
