// How a stream ends: its writing finished, all of it flushed and closed, or at once.

extension StreamCore {
    /// What only a stream needs that is closing.
    final class Closing {
        var waiters: [Waiter<Void>] = []
        var timer = TimerID.none
    }

    var isClosed: Bool { phase == .closed }
    var isOpen: Bool { phase == .open }
    var peerName: String { peer.description }

    func error(_ code: ReactorError.Code, _ verb: String) -> ReactorError {
        ReactorError(code, "\(verb) \(peer)")
    }

    /// Begins to finish. The outcome, or `nil` where what is pending has to leave first.
    func finish() -> WriteOutcome? {
        if let refusal = refusal() { return .failed(refusal) }
        ahead.stop()
        if outbound.finish() {
            if let error = sendEnd() { return .failed(error) }
            return .done
        }
        return nil
    }

    @discardableResult
    func sendEnd() -> ReactorError? {
        guard medium.isSocket else { return closeToEnd() }
        do throws(ReactorError) {
            try descriptor.shutdownWriting()
            return nil
        } catch {
            // The peer has reset the connection: the end cannot reach it.
            return self.error(error.code, "finish writing to")
        }
    }

    /// The reader of a pipe is told by closing it. A terminal has no end of writing.
    private func closeToEnd() -> ReactorError? {
        if medium.isReadable { return error(.notSupported, "finish writing to") }
        release()
        return nil
    }

    /// Begins to close. True if everything is released; else `waiter` may be parked.
    func beginClose(flushFor limit: Duration) -> Bool {
        guard phase == .open else {
            // A pipe is closed by its `finish` already; what is said of it changes all the same.
            if phase == .closed { outbound.refuse(error(.closed, "use")) }
            return phase == .closed
        }
        refuse(error(.closed, "use"))
        if phase == .closed { return true }
        let closing = Closing()
        self.closing = closing
        closing.timer = core.timers.add(
            .now.advanced(by: limit),
            .call { [weak self] in
                guard let self else { return }
                let unsent = self.outbound.pending
                Log.logger.warning(
                    "\(self.peerName) was closed with \(unsent) bytes unsent after \(limit)")
                self.abort()
            })
        return false
    }

    /// What is waited for here; `nil` where nobody waits for anything.
    var waitDescription: String? {
        if outbound.pending > 0 { return "\(outbound.pending) bytes to be taken" }
        if inbound.reader != nil { return "bytes from its peer" }
        return service == nil ? nil : "its handler"
    }

    /// Who waits here.
    func visitWaits(_ visit: (ParkedWait) -> Void) {
        let since = quietSince
        if let reader = inbound.reader {
            visit(ParkedWait("bytes from \(peer)", reader.waiter, since: since.received))
        }
        for writer in outbound.waitingWriters {
            visit(
                ParkedWait(
                    "\(peer) to take \(outbound.pending) bytes", writer.waiter, since: since.sent))
        }
        for closer in closing?.waiters ?? [] {
            visit(ParkedWait("the close of the stream with \(peer)", closer))
        }
    }

    /// Since when nothing has come and nothing was sent, as the kernel knows of a connection:
    /// noting it for each wait would cost each.
    private var quietSince: (received: MonotonicTime?, sent: MonotonicTime?) {
        guard medium == .tcp, phase != .closed, let quiet = try? descriptor.tcpInformation() else {
            return (nil, nil)
        }
        // Before the first byte the kernel counts from somewhere else.
        let since = { (time: Duration) in
            MonotonicTime.now.advanced(by: .zero - min(time, self.age))
        }
        return (since(quiet.sinceLastReceived), since(quiet.sinceLastSent))
    }

    func parkCloser(_ waiter: Waiter<Void>) {
        if let closing { closing.waiters.append(waiter) } else { waiter.resume(()) }
    }

    /// Ends at once, with a reset where the medium has one.
    func abort(_ code: ReactorError.Code = .closed) {
        guard phase != .closed else { return }
        if medium == .tcp { descriptor.resetOnClose() }
        end(error(code, "use"))
    }

    /// The public face has gone. True if it had not been closed.
    func faceIsGone() -> Bool {
        guard phase == .open else { return false }
        _ = beginClose(flushFor: .seconds(2))
        return true
    }

    /// Takes what has arrived and nobody will read: the kernel answers a close over unread bytes
    /// with a reset, and drops what it has not sent yet. At most a megabyte, then the peer has
    /// earned its reset.
    func discardUnread() {
        for _ in 0..<16 where descriptor.receive(into: core.landing) < core.landing.count { return }
    }
}
