// Two in-memory streams' shared state: a lane each way, made of the machines that sockets use.

/// Changes state and notes whom to wake; the owner wakes them when it has let go of the lock.
struct InMemoryWire {
    /// One direction. The sender's `outbound` moves to the receiver's `inbound` while that has
    /// less than its mark unread, as if a kernel's buffer of 64 KiB lay between.
    fileprivate struct Lane {
        var outbound = Outbound()
        var inbound = Inbound()
    }

    /// Who is to be woken, and with what.
    struct Wakes {
        private var reads: [(waiter: Waiter<ReadOutcome>, outcome: ReadOutcome)] = []
        private var writes: [(waiter: Waiter<WriteOutcome>, outcome: WriteOutcome)] = []

        mutating func add(_ wake: Inbound.Wake) {
            if let wake { reads.append(wake) }
        }

        mutating func add(_ waiter: Waiter<WriteOutcome>, _ outcome: WriteOutcome) {
            writes.append((waiter, outcome))
        }

        func run() {
            for (waiter, outcome) in reads { waiter.resume(outcome) }
            for (waiter, outcome) in writes { waiter.resume(outcome) }
        }
    }

    /// The two ends. Each sends on the lane of its own name.
    enum Side: Sendable {
        case first, second
        var other: Side { self == .first ? .second : .first }
    }

    private var first = Lane()
    private var second = Lane()
    private var isFirstClosed = false
    private var isSecondClosed = false
    private(set) var wakes = Wakes()

    mutating func takeWakes() -> Wakes {
        defer { wakes = Wakes() }
        return wakes
    }

    /// How many bytes that `side` has written its peer has no room for.
    func pending(of side: Side) -> Int { self[side].outbound.pending }

    /// How many of the writers of `side` wait for that.
    func waiting(of side: Side) -> Int { self[side].outbound.waiting }

    private subscript(side: Side) -> Lane {
        get { side == .first ? first : second }
        _modify {
            if side == .first { yield &first } else { yield &second }
        }
    }

    // MARK: Reading

    /// The outcome of a read that need not wait; `nil` if it must.
    mutating func read(_ target: Inbound.Target, at side: Side) -> ReadOutcome? {
        let outcome = self[side.other].inbound.read(target) {
            ReactorError(.closed, "read from an in-memory stream")
        }
        if outcome != nil { move(side.other) }
        return outcome
    }

    mutating func park(_ reader: Inbound.Reader, at side: Side) {
        self[side.other].inbound.park(reader)
    }

    mutating func cancelRead(_ id: WaitID, at side: Side) {
        wakes.add(self[side.other].inbound.cancel(id))
    }

    // MARK: Writing

    /// True if the writer may go on.
    mutating func write(_ parts: [[UInt8]], at side: Side) throws(ReactorError) -> Bool {
        if let refusal = refusal(at: side) { throw refusal }
        for part in parts { self[side].outbound.append(part) }
        move(side)
        return self[side].outbound.hasRoom
    }

    /// True if all has been passed on, and the end with it.
    mutating func finish(at side: Side) throws(ReactorError) -> Bool {
        if let refusal = refusal(at: side) { throw refusal }
        guard self[side].outbound.finish() else { return false }
        wakes.add(self[side].inbound.finish())
        return true
    }

    private func refusal(at side: Side) -> ReactorError? {
        self[side].outbound.refusal { "write to an in-memory stream" }
    }

    /// The outcome where the wait is over already: the peer may have read on since `write`.
    mutating func park(_ writer: Outbound.Writer, at side: Side) -> WriteOutcome? {
        if let failure = self[side].outbound.failure { return .failed(failure) }
        if pending(of: side) < writer.below { return .done }
        self[side].outbound.park(writer)
        return nil
    }

    mutating func cancelWrite(_ id: WaitID, at side: Side) {
        if let waiter = self[side].outbound.cancel(id) { wakes.add(waiter, .cancelled) }
    }

    /// Passes on what the receiver has room for, or all of it.
    private mutating func move(_ side: Side, all: Bool = false) {
        while let source = self[side].nextPiece(all: all) {
            let memory = self[side].inbound.landing(else: source)
            let count = min(source.count, memory.count)
            memory.fill(from: source.prefix(count))
            wakes.add(self[side].inbound.received(count, in: memory))
            self[side].outbound.sent(count)
        }
        if self[side].outbound.takeDueFinish() { wakes.add(self[side].inbound.finish()) }
        while let waiter = self[side].outbound.nextReady() { wakes.add(waiter, .done) }
    }

    // MARK: The end

    /// What is pending is passed on whole: the peer has room for it as soon as this side is gone.
    mutating func close(_ side: Side) {
        guard take(side) else { return }
        let error = ReactorError(.closed, "use an in-memory stream")
        for waiter in self[side].outbound.takeWriters() { wakes.add(waiter, .failed(error)) }
        move(side, all: true)
        wakes.add(self[side].inbound.finish())
        end(side, error, peerWrites: .brokenPipe)
    }

    mutating func abort(_ side: Side) {
        guard take(side) else { return }
        let reset = ReactorError(.connectionReset, "read from an in-memory stream")
        wakes.add(self[side].inbound.fail(reset))
        end(
            side, ReactorError(.closed, "use an in-memory stream"), peerWrites: .connectionReset)
    }

    /// True the first time.
    private mutating func take(_ side: Side) -> Bool {
        let wasClosed = side == .first ? isFirstClosed : isSecondClosed
        if side == .first { isFirstClosed = true } else { isSecondClosed = true }
        return !wasClosed
    }

    private mutating func end(
        _ side: Side, _ error: ReactorError, peerWrites code: ReactorError.Code
    ) {
        for waiter in self[side].outbound.fail(error) { wakes.add(waiter, .failed(error)) }
        wakes.add(self[side.other].inbound.close(error))
        // Unless the peer had said its last, and it has arrived.
        let peer = side.other
        guard refusal(at: peer) == nil || pending(of: peer) > 0 else { return }
        let failure = ReactorError(code, "write to an in-memory stream")
        for waiter in self[peer].outbound.fail(failure) { wakes.add(waiter, .failed(failure)) }
    }
}

extension InMemoryWire.Lane {
    /// What can be passed on next.
    fileprivate func nextPiece(all: Bool) -> BorrowedMemory? {
        guard outbound.pending > 0 else { return nil }
        let piece = outbound.front(limit: 1)[0]
        if all || inbound.reader != nil { return piece }
        let room = Inbound.highMark - inbound.unread
        return room > 0 ? piece.prefix(room) : nil
    }
}
