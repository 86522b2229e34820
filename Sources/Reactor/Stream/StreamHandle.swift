// Reading, writing and ending a stream from any task: here on its loop, or carried there.

/// What a public stream holds of its loop's side.
typealias StreamHandle = LoopBound<StreamCore>

extension LoopBound where State == StreamCore {
    // MARK: Reading

    // The public functions are split in three: what need not wait, the wait of a stream's owner,
    // and all other waits out of line. A task keeps the largest frames it ever had: with all in
    // one, a served connection needed a second slab of 1 KiB.

    @inline(__always)
    func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        guard !buffer.isEmpty else {
            throw ReactorError(.invalidArgument, "read into an empty buffer")
        }
        // The borrow lasts until this function returns, which is not before the outcome is known.
        let target = Inbound.Target.memory(BorrowedMemory(&buffer))
        switch try start(target) {
        case .now(let outcome): return try outcome.count()
        case .owner(let stream): return try await stream.ownersRead(target).count()
        case .waiter: return try await wait(target).count()
        }
    }

    @inline(__always)
    func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        guard maxBytes > 0 else {
            throw ReactorError(.invalidArgument, "read up to \(maxBytes) bytes")
        }
        let target = Inbound.Target.array(max: maxBytes)
        switch try start(target) {
        case .now(let outcome): return try outcome.bytes()
        case .owner(let stream): return try await stream.ownersRead(target).bytes()
        case .waiter: return try await wait(target).bytes()
        }
    }

    private enum Start {
        case now(ReadOutcome)
        case owner(StreamCore)
        case waiter
    }

    @inline(__always)
    private func start(_ target: Inbound.Target) throws -> Start {
        try Task.checkCancellation()
        guard let stream = ifHere else { return .waiter }
        if let outcome = stream.read(target) { return .now(outcome) }
        return stream.isOwnersWait ? .owner(stream) : .waiter
    }

    @inline(never)
    private func wait(_ target: Inbound.Target) async -> ReadOutcome {
        let ended = ReactorError(.loopClosed, "read from a stream of \(loop)")
        let target = Unchecked(target)
        return await wait(ifLoopEnded: .failed(ended)) { stream, waiter, id, isCancelled in
            if isCancelled {
                waiter.resume(.cancelled)
            } else if let outcome = stream.read(target.value) {
                waiter.resume(outcome)
            } else {
                stream.park(Inbound.Reader(id: id, target: target.value, waiter: waiter))
            }
        } cancel: { stream, id in
            stream.cancelRead(id)
        }
    }

    // MARK: Writing

    /// The stream, where the caller is on its loop and nothing that was sent to the loop before is
    /// still on its way: a task that has awaited another's write comes after it.
    @inline(__always)
    private var ifInOrder: StreamCore? {
        guard let stream = ifHere, !stream.ahead.isUnderWay else { return nil }
        return stream
    }

    /// Has what other threads have sent go first, where the caller is on the loop.
    private func comeLast() {
        if loop.isCurrent { _ = loop.queue.collect() }
    }

    @inline(__always)
    func write(_ bytes: Span<UInt8>) async throws {
        try Task.checkCancellation()
        guard let stream = ifInOrder else {
            return try await writeElsewhere([BorrowedMemory(bytes).copy(prefix: bytes.count)])
        }
        if try stream.write(BorrowedMemory(bytes)) { return }
        try await wait(below: Outbound.mark)
    }

    @inline(__always)
    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        guard let stream = ifInOrder else { return try await writeElsewhere([bytes]) }
        if try stream.write(bytes) { return }
        try await wait(below: Outbound.mark)
    }

    func write(contentsOf parts: [[UInt8]]) async throws {
        try Task.checkCancellation()
        guard let stream = ifInOrder else { return try await writeElsewhere(parts) }
        if try stream.write(contentsOf: parts) { return }
        try await wait(below: Outbound.mark)
    }

    /// Waits until everything written has left this process.
    func flush() async throws { try await wait(below: 1) }

    /// Any other write: `begin` runs on the loop, and returns true if it is complete.
    func write(
        _ begin: @escaping @Sendable (StreamCore) throws(ReactorError) -> Bool
    ) async throws {
        try Task.checkCancellation()
        guard let stream = ifInOrder else {
            return try await writing { stream throws(ReactorError) in
                try begin(stream) || stream.outbound.hasRoom
            } below: {
                Outbound.mark
            }
        }
        if try begin(stream) { return }
        try await wait(below: Outbound.mark)
    }

    /// Waits until less than `limit` is pending.
    @inline(never)
    private func wait(below limit: Int) async throws {
        let outcome: WriteOutcome
        if let stream = ifHere, stream.isOwnersWait {
            if stream.outbound.pending < limit { return }
            outcome = await suspend {
                stream.park(Outbound.Writer(id: .owner, waiter: .here($0), below: limit))
            }
        } else if let stream = ifHere, stream.outbound.pending < limit {
            return
        } else {
            outcome = await waitAsAnyone(below: limit)
        }
        try outcome.check()
    }

    @inline(never)
    private func waitAsAnyone(below limit: Int) async -> WriteOutcome {
        let ended = ReactorError(.loopClosed, "write to a stream of \(loop)")
        return await wait(ifLoopEnded: .failed(ended)) { stream, waiter, id, isCancelled in
            if isCancelled {
                waiter.resume(.cancelled)
            } else if let failure = stream.outbound.failure {
                waiter.resume(.failed(failure))
            } else if stream.outbound.pending < limit {
                waiter.resume(.done)
            } else {
                stream.park(Outbound.Writer(id: id, waiter: waiter, below: limit))
            }
        } cancel: { stream, id in
            stream.cancelWrite(id)
        }
    }

    @inline(never)
    private func writeElsewhere(_ parts: [[UInt8]]) async throws {
        if try sendAhead(parts) { return }
        try await writing { stream throws(ReactorError) in
            try stream.write(contentsOf: parts) || stream.outbound.hasRoom
        } below: {
            Outbound.mark
        }
    }

    /// Sends bytes to the loop without waiting for its answer, where few are on their way.
    private func sendAhead(_ parts: [[UInt8]]) throws -> Bool {
        let count = parts.reduce(0) { $0 + $1.count }
        guard constant({ $0.ahead.reserve(count) }) else { return false }
        comeLast()
        guard loop.post({ here.writeAhead(parts, count) }) else {
            throw ReactorError(.loopClosed, "write to a stream of \(loop)")
        }
        return true
    }

    /// Runs `begin` on the loop, and waits there unless it returns true.
    @inline(never)
    private func writing(
        _ begin: @escaping @Sendable (StreamCore) throws(ReactorError) -> Bool,
        below limit: @escaping @Sendable () -> Int
    ) async throws {
        comeLast()
        let ended = ReactorError(.loopClosed, "write to a stream of \(loop)")
        let outcome: WriteOutcome = await waitElsewhere(
            ifLoopEnded: .failed(ended)
        ) { stream, waiter, id, isCancelled in
            // Not begun if the caller was cancelled by now: nothing is sent then.
            if isCancelled { return waiter.resume(.cancelled) }
            do throws(ReactorError) {
                if try begin(stream) { return waiter.resume(.done) }
                stream.park(Outbound.Writer(id: id, waiter: waiter, below: limit()))
            } catch {
                waiter.resume(.failed(error))
            }
        } cancel: { stream, id in
            stream.cancelWrite(id)
        }
        try outcome.check()
    }

    func finish() async throws {
        try Task.checkCancellation()
        guard let stream = ifInOrder else {
            return try await writing { stream throws(ReactorError) in
                switch stream.finish() {
                case .failed(let error): throw error
                case .done, .cancelled: return true
                case nil: return false
                }
            } below: {
                1
            }
        }
        if let outcome = stream.finish() { return try outcome.check() }
        try await wait(below: 1)
    }

    // MARK: The end

    func close(flushFor limit: Duration) async {
        if let stream = ifInOrder {
            if stream.beginClose(flushFor: limit) { return }
            await suspend { stream.parkCloser(.here($0)) }
        } else {
            comeLast()
            let wait = RemoteWait<Void>()
            await wait.suspend {
                let sent = loop.post {
                    let stream = here
                    if stream.beginClose(flushFor: limit) {
                        wait.settle(())
                    } else {
                        stream.parkCloser(.elsewhere(wait))
                    }
                }
                if !sent { wait.settle(()) }
            }
        }
    }

    func abort() {
        constant { $0.ahead.stop() }
        carry { $0.abort() }
    }

    /// Called by the `deinit` of a face that nobody need close.
    func drop() { carry { _ = $0.faceIsGone() } }

    /// Called by the face's `deinit`.
    func drop(_ description: @escaping @Sendable () -> String) {
        carry {
            let place = $0.madeAt.place.map { ", made at \($0)," } ?? ""
            if $0.faceIsGone() {
                Log.logger.warning(
                    "\(description())\(place) was dropped without close(); it was closed now")
            }
        }
    }
}
