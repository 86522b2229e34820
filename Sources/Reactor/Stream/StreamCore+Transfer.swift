// Bytes that go past a stream's own reading and writing, in order with them.

extension LoopBound where State == StreamCore {
    /// Waits until everything written is out, and then has what others write wait for `release`.
    /// On the loop's executor, like all of this.
    func hold() async throws {
        try await flush()
        let stream = try onLoop()
        if let refusal = stream.refusal() { throw refusal }
        // Only one may; and writers of other tasks may have come first again.
        while !stream.outbound.hold() {
            if stream.outbound.isHeld { throw stream.error(.busy, "write to") }
            try await flush()
            if let refusal = stream.refusal() { throw refusal }
        }
        stream.ahead.stop()
    }

    /// Lets go of it: what has been written meanwhile goes out.
    func release() {
        guard let stream = ifHere, stream.outbound.isHeld else { return }
        stream.outbound.release()
        stream.flushHeld()
    }

    /// The stream, where the loop goes on: a task of an ended one runs elsewhere.
    func onLoop() throws(ReactorError) -> StreamCore {
        if let stream = ifHere { return stream }
        throw ReactorError(.loopClosed, "use a stream of \(loop)")
    }

    /// The same for one who holds it, unless it was closed meanwhile.
    func holder() throws(ReactorError) -> StreamCore {
        let stream = try onLoop()
        if let failure = stream.outbound.failure { throw failure }
        return stream
    }

    /// Waits until the kernel has room for more. The failure, if there is one.
    func waitForRoom() async throws {
        let ended = ReactorError(.loopClosed, "write to a stream of \(loop)")
        let outcome: WriteOutcome = await wait(
            ifLoopEnded: .failed(ended)
        ) { stream, waiter, id, isCancelled in
            if isCancelled { return waiter.resume(.cancelled) }
            if let failure = stream.outbound.failure { return waiter.resume(.failed(failure)) }
            stream.park(Outbound.Writer(id: id, waiter: waiter, below: Outbound.room))
            stream.updateWatch()
        } cancel: { stream, id in
            stream.cancelWrite(id)
        }
        try outcome.check()
    }

    /// Waits until there is something to take from the descriptor, or in this process already.
    /// False at the end.
    func waitForBytes() async throws -> Bool {
        let ended = ReactorError(.loopClosed, "read from a stream of \(loop)")
        let outcome: ReadOutcome = await wait(
            ifLoopEnded: .failed(ended)
        ) { stream, waiter, id, isCancelled in
            if isCancelled { return waiter.resume(.cancelled) }
            if let outcome = stream.readiness() { return waiter.resume(outcome) }
            stream.park(Inbound.Reader(id: id, target: StreamCore.nothing, waiter: waiter))
            stream.updateWatch()
        } cancel: { stream, id in
            stream.cancelRead(id)
        }
        if case .end = outcome { return false }
        _ = try outcome.count()
        return true
    }
}

extension StreamCore {
    /// Of a read that waits for readiness alone.
    static var nothing: Inbound.Target { .memory(.none) }

    func readiness() -> ReadOutcome? {
        inbound.read(Self.nothing, closedError: { self.error(.closed, "read from") })
    }

    /// Diverts what comes, or no more.
    func tap(_ isTapped: Bool) {
        self.isTapped = isTapped
        lastReadFilled = false
        if phase == .open { updateWatch() }
    }

    /// What a holder has found where it wrote past this object: room, or none, or the failure.
    func noteWritten(_ status: Int) throws(ReactorError) {
        if status < 0 { _ = try unsent(status) }
    }

    func flushHeld() {
        if outbound.pending > 0 || !outbound.isClear { flush() }
        if outbound.pending == 0, outbound.takeDueFinish(), let error = sendEnd() { fail(error) }
        if outbound.isClear { ahead.resume() }
        while let waiter = outbound.nextReady() { waiter.resume(.done) }
    }

    // MARK: Idle

    /// Fails everything once the connection has carried nothing for `limit`; `nil`: never.
    ///
    /// The kernel keeps the time of the last bytes anyway: it is asked when a timer says that the
    /// time may be over, once per limit, and reading and writing pay nothing.
    func setIdleLimit(_ limit: Duration?) {
        forgetIdleLimit()
        if let limit, phase == .open { watchIdle(limit, for: limit) }
    }

    func forgetIdleLimit() {
        guard !core.idleTimers.isEmpty,
            let timer = core.idleTimers.removeValue(forKey: ObjectIdentifier(self))
        else { return }
        _ = core.timers.cancel(timer)
    }

    private func watchIdle(_ limit: Duration, for rest: Duration) {
        core.idleTimers[ObjectIdentifier(self)] = core.timers.add(
            .now.advanced(by: max(rest, .milliseconds(1))),
            .call { [weak self] in self?.checkIdle(limit) })
    }

    private func checkIdle(_ limit: Duration) {
        guard phase == .open, let idle = try? descriptor.idleTime() else { return }
        if idle < limit { return watchIdle(limit, for: limit - idle) }
        core.idleTimers[ObjectIdentifier(self)] = nil
        let error = ReactorError(.timedOut, "use \(peer), idle for \(limit)")
        wake(inbound.fail(error))
        fail(error)
        updateWatch()
    }
}
