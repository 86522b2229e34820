// A pair of connected streams without a socket, for tests.

internal import Synchronization

/// One end of a connection inside this process.
///
/// It keeps the contract of ``ByteStream`` to the letter, so code that is written for any stream
/// can be tested without the network. It needs no loop: use it from any task, on any thread. Up to
/// 64 KiB travel ahead of the reader; beyond that, writes wait as everywhere.
///
/// ```swift
/// let (client, server) = InMemoryStream.pair()
/// ```
///
/// An end that is dropped is closed.
public final class InMemoryStream: ByteStream {
    private let wire: Locked<InMemoryWire>
    private let side: InMemoryWire.Side

    /// Two ends: what is written to one is read from the other.
    public static func pair() -> (InMemoryStream, InMemoryStream) {
        let wire = Locked(InMemoryWire())
        return (InMemoryStream(wire, .first), InMemoryStream(wire, .second))
    }

    private init(_ wire: Locked<InMemoryWire>, _ side: InMemoryWire.Side) {
        self.wire = wire
        self.side = side
    }

    deinit { endNow() }

    /// Changes the shared state; whom that wakes is woken outside the lock.
    private func change<Result, Failure: Error>(
        _ body: (inout InMemoryWire) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var wakes = InMemoryWire.Wakes()
        defer { wakes.run() }
        return try wire.withLock { wire throws(Failure) in
            defer { wakes = wire.takeWakes() }
            return try body(&wire)
        }
    }

    /// What waits because the peer does not read.
    var backlog: (bytes: Int, writers: Int) {
        wire.withLock { ($0.pending(of: side), $0.waiting(of: side)) }
    }

    // MARK: Reading

    /// Reads what is there into `buffer`.
    ///
    /// Zero: the peer has finished.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    public func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        guard !buffer.isEmpty else {
            throw ReactorError(.invalidArgument, "read into an empty buffer")
        }
        // The borrow lasts until this function returns, which is not before the outcome is known.
        return try await read(.memory(BorrowedMemory(&buffer))).count()
    }

    /// Reads what is there, at most `maxBytes`.
    ///
    /// `nil`: the peer has finished.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    public func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        guard maxBytes > 0 else {
            throw ReactorError(.invalidArgument, "read up to \(maxBytes) bytes")
        }
        return try await read(.array(max: maxBytes)).bytes()
    }

    private func read(_ target: Inbound.Target) async throws -> ReadOutcome {
        try Task.checkCancellation()
        if let outcome = change({ $0.read(target, at: side) }) { return outcome }
        let wait = RemoteWait<ReadOutcome>()
        return await withTaskCancellationHandler {
            await wait.suspend { park(target, wait) }
        } onCancel: {
            wait.isCancelled.store(true, ordering: .releasing)
            change { $0.cancelRead(WaitID(wait), at: side) }
        }
    }

    private func park(_ target: Inbound.Target, _ wait: RemoteWait<ReadOutcome>) {
        let outcome: ReadOutcome? = change { wire in
            if wait.isCancelled.load(ordering: .acquiring) { return .cancelled }
            if let outcome = wire.read(target, at: side) { return outcome }
            wire.park(
                Inbound.Reader(id: WaitID(wait), target: target, waiter: .elsewhere(wait)),
                at: side)
            return nil
        }
        if let outcome { wait.settle(outcome) }
    }

    // MARK: Writing

    /// Writes borrowed bytes, which are copied.
    ///
    /// Suspends until less than 64 KiB wait; cancelling stops the waiting only.
    public func write(_ bytes: Span<UInt8>) async throws {
        try await write(contentsOf: [BorrowedMemory(bytes).copy(prefix: bytes.count)])
    }

    /// Writes owned bytes.
    ///
    /// Suspends until less than 64 KiB wait; cancelling stops the waiting only.
    public func write(_ bytes: [UInt8]) async throws {
        try await write(contentsOf: [bytes])
    }

    /// Writes several arrays as one.
    ///
    /// Suspends until less than 64 KiB wait; cancelling stops the waiting only.
    public func write(contentsOf parts: [[UInt8]]) async throws {
        try Task.checkCancellation()
        if try change({ wire throws(ReactorError) in try wire.write(parts, at: side) }) { return }
        try await wait(below: Outbound.mark)
    }

    /// Waits until the peer has room for everything written, then ends this side (half-close).
    ///
    /// Reading goes on until the peer has finished too. Cancelling stops the waiting only.
    public func finish() async throws {
        try Task.checkCancellation()
        if try change({ wire throws(ReactorError) in try wire.finish(at: side) }) { return }
        try await wait(below: 1)
    }

    private func wait(below limit: Int) async throws {
        let wait = RemoteWait<WriteOutcome>()
        try await withTaskCancellationHandler {
            await wait.suspend { park(wait, below: limit) }
        } onCancel: {
            wait.isCancelled.store(true, ordering: .releasing)
            change { $0.cancelWrite(WaitID(wait), at: side) }
        }.check()
    }

    private func park(_ wait: RemoteWait<WriteOutcome>, below limit: Int) {
        let outcome: WriteOutcome? = change { wire in
            if wait.isCancelled.load(ordering: .acquiring) { return .cancelled }
            return wire.park(
                Outbound.Writer(id: WaitID(wait), waiter: .elsewhere(wait), below: limit),
                at: side)
        }
        if let outcome { wait.settle(outcome) }
    }

    // MARK: The end

    /// Hands what is unsent to the peer, who can still read it, and ends both directions.
    ///
    /// Never throws and never suspends, works in a cancelled task. The peer's writes fail with
    /// ``ReactorError/Code/brokenPipe``.
    public func close() async { endNow() }

    private func endNow() { change { $0.close(side) } }

    /// Ends at once: what was unsent is dropped, the peer gets
    /// ``ReactorError/Code/connectionReset``.
    public func abort() { change { $0.abort(side) } }
}
