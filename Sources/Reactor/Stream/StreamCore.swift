// A descriptor on its loop: readiness in, bytes both ways, one end for everything.

/// The loop's side of a stream, over a socket, a pipe's end or a terminal. Everything here runs on
/// the loop's thread.
///
/// Readiness comes from `uv_poll_t`; reading and sending are this library's own system calls. A
/// `uv_stream_t` would do both, but takes a partial read with a hang-up for the end (PITFALLS D3),
/// raises SIGPIPE (D6) and sends one queued write per turn (D16); docs/decisions/0003-streams.md
/// has the comparison.
final class StreamCore: ShutdownParticipant {
    let descriptor: Descriptor  // half a word, where the base class has left as much
    let core: LoopCore
    /// One byte, where the object had room.
    let medium: Medium
    private(set) var phase = Phase.open
    /// Somebody takes bytes past this object: a read of no bytes waits for readiness alone.
    var isTapped = false
    var lastReadFilled = false
    var hasFailedToSend = false
    private var discardsUnread = false
    /// Two bytes, likewise.
    var madeAt = PlaceID.unknown
    let poll: UVPoll
    private let halves = Cell(Halves())
    /// The handler task of `serve`, whose cancellation is the service's doing and is told to this
    /// stream by it, through `cancelOwner`: its waits need no cancellation handler of their own,
    /// which saves each 145 ns and the connection 400 bytes.
    var owner: TaskIdentity?
    /// The service that opened it, for its end to find what is left.
    var service: ObjectIdentifier?
    /// What writers elsewhere may send without waiting.
    let ahead = SendAhead()
    /// Made when it begins to close.
    var closing: Closing?
    /// Who to name in errors.
    let peer: Peer

    private struct Halves {
        var inbound = Inbound()
        var outbound = Outbound()
    }

    @inline(__always)
    var inbound: Inbound {
        _read { yield halves.state.inbound }
        _modify { yield &halves.state.inbound }
    }

    @inline(__always)
    var outbound: Outbound {
        _read { yield halves.state.outbound }
        _modify { yield &halves.state.outbound }
    }

    enum Phase { case open, closing, closed }

    /// Takes the descriptor over, whatever happens: it is closed if this throws. `poll` watches it
    /// already where it was connected by us.
    init(
        _ descriptor: Descriptor, _ medium: Medium = .tcp, peer: Peer, on core: LoopCore,
        watchedBy poll: UVPoll? = nil
    ) throws(ReactorError) {
        guard !core.isClosed else {
            descriptor.close()
            throw ReactorError(.loopClosed, "open a stream")
        }
        self.core = core
        self.descriptor = descriptor
        self.medium = medium
        self.peer = peer
        do throws(ReactorError) {
            if let poll {
                self.poll = poll
            } else {
                self.poll = try UVPoll(descriptor, on: core.uv)
            }
        } catch {
            descriptor.close()
            throw error
        }
        super.init()
        core.participants.join(self)
        if medium.isReadable {
            self.poll.watch(.readable, for: self)
        } else {
            _ = inbound.finish()
        }
    }

    deinit {
        halves.free()
    }

    // MARK: Readiness

    override func ready(readable: Bool, writable: Bool, failed: Bool) {
        if writable { flush() }
        if readable, phase == .open { receive() }
        if failed { absorbFailure() }
        if core.isLandingFull { CurrentLoop.loop?.runWoken(core) }
    }

    /// One read a turn and stream, into the reader's memory or the loop's: 64 KiB at most, so a
    /// fast peer cannot hold the others up.
    @inline(__always)
    private func receive() {
        guard inbound.isOpen,
            inbound.reader != nil || !isTapped && inbound.unread < Inbound.highMark
        else { return updateWatch() }
        let memory = inbound.landing(else: core.landing)
        if memory.count == 0 { return wake(inbound.received(0, in: memory)) }
        wake(take(receive(into: memory), memory))
    }

    func take(_ count: Int, _ memory: BorrowedMemory) -> Inbound.Wake {
        if count > 0 {
            lastReadFilled = count == memory.count && count >= 16 * 1024
            core.noteLanded(count)
            let wake = inbound.received(count, in: memory)
            if inbound.unread >= Inbound.highMark { updateWatch() }
            return wake
        }
        let code = ReactorError.Code(rawValue: Int32(count))
        if code == .wouldBlock {
            lastReadFilled = false
            return nil
        }
        // A reset that a send has met first reads as an end: it is none.
        let wake =
            count == 0 && !hasFailedToSend
            ? inbound.finish()
            : inbound.fail(
                ReactorError(count == 0 ? .connectionReset : code, "read from \(peer)"))
        updateWatch()
        return wake
    }

    /// libuv reports an error on the descriptor and stops watching it: reading on meets the cause.
    private func absorbFailure() {
        guard phase != .closed else { return }
        while inbound.isOpen, inbound.unread < Inbound.highMark {
            let memory = inbound.landing(else: core.landing)
            if memory.count == 0 { return wake(inbound.received(0, in: memory)) }
            let count = receive(into: memory)
            wake(take(count, memory))
            if count < 0 { break }
        }
        if inbound.isOpen, inbound.unread < Inbound.highMark,
            let code = (try? descriptor.takeError()) ?? nil
        {
            wake(inbound.fail(ReactorError(code, "read from \(peer)")))
            fail(ReactorError(code, "write to \(peer)"))
        }
        updateWatch()
    }

    /// Watches for what can be used now. Writability stays armed until it is reported with nothing
    /// to send: changing what is watched costs two system calls, and a busy writer fills up again.
    func updateWatch() {
        var events: UVPoll.Events = []
        if phase == .open, inbound.isOpen, inbound.unread < Inbound.highMark,
            !isTapped || inbound.reader != nil
        {
            events.insert(.readable)
        }
        if outbound.wantsRoom { events.insert(.writable) }
        poll.watch(events, for: self)
    }

    @inline(__always)
    func wake(_ wake: Inbound.Wake) {
        if let wake { wake.waiter.resume(wake.outcome) }
    }

    // MARK: Reading

    /// The outcome of a read that need not wait; `nil` if it must.
    @inline(__always)
    func read(_ target: Inbound.Target) -> ReadOutcome? {
        if let outcome = inbound.read(target, closedError: { self.error(.closed, "read from") }) {
            if inbound.unread < Inbound.lowMark, phase == .open,
                !watched.contains(.readable)
            {
                updateWatch()
            }
            return outcome
        }
        return lastReadFilled ? readOn(target) : nil
    }

    /// A large read that was filled has probably left more behind: asking the kernel now saves a
    /// poll.
    private func readOn(_ target: Inbound.Target) -> ReadOutcome? {
        let memory: BorrowedMemory
        switch target {
        case .memory(let own): memory = own
        case .array(let max): memory = core.landing.prefix(max)
        }
        let count = receive(into: memory)
        guard count > 0 else {
            _ = take(count, memory)
            return inbound.read(target, closedError: { self.error(.closed, "read from") })
        }
        lastReadFilled = count == memory.count
        if case .array = target { return .bytes(memory.copy(prefix: count)) }
        return .count(count)
    }

    @inline(__always)
    func park(_ reader: Inbound.Reader) { inbound.park(reader) }

    func cancelRead(_ id: WaitID) { wake(inbound.cancel(id)) }

    // MARK: Writing

    /// Sends what waits, everything in one call where it fits, until the kernel takes no more.
    func flush() {
        if outbound.isHeld {
            outbound.takeHolder()?.resume(.done)
            return updateWatch()
        }
        guard outbound.pending > 0 else { return updateWatch() }
        while outbound.pending > 0 {
            let parts = outbound.front(limit: 1024)
            let asked = parts.reduce(0) { $0 + $1.count }
            do throws(ReactorError) {
                let count = try parts.count == 1 ? send(parts[0]) : send(parts: parts)
                outbound.sent(count)
                if count < asked { break }
            } catch {
                break  // `unsent` has told everybody.
            }
        }
        if outbound.isClear { ahead.resume() }
        if outbound.takeDueFinish(), let error = sendEnd() { fail(error) }
        while let waiter = outbound.nextReady() { waiter.resume(.done) }
        if phase == .closing, outbound.pending == 0 { release() }
    }

    func fail(_ error: ReactorError) {
        ahead.stop()
        for waiter in outbound.fail(error) { waiter.resume(.failed(error)) }
        if phase == .closing { release() }
    }

    // MARK: The end

    /// Turns every wait away; what is unsent goes on.
    func refuse(_ error: ReactorError) {
        phase = .closing
        ahead.stop()
        discardsUnread = medium == .tcp && inbound.isOpen
        wake(inbound.close(error))
        outbound.refuse(error)
        for waiter in outbound.takeWriters() { waiter.resume(.failed(error)) }
        if outbound.pending == 0 { release() } else { updateWatch() }
    }

    override var shutdownName: String { "the stream with \(peerName)" }

    override var shutdownKind: ShutdownReport.Holdup.Kind { .stream }

    override var shutdownWait: String? { waitDescription }

    override var place: PlaceID { madeAt }

    override var isServed: Bool { service != nil }

    override var handler: TaskIdentity? { owner }

    override func eachWait(_ visit: (ParkedWait) -> Void) { visitWaits(visit) }

    override func shutDown() { abort(.loopClosed) }

    /// Ends everything now.
    func end(_ error: ReactorError) {
        ahead.stop()
        wake(inbound.close(error))
        for waiter in outbound.fail(error) { waiter.resume(.failed(error)) }
        release()
    }

    func release() {
        guard phase != .closed else { return }
        phase = .closed
        poll.release()
        if discardsUnread { discardUnread() }
        descriptor.close()
        if case .unix(let peer) = peer { peer.close() }
        core.participants.leave(self)
        forgetIdleLimit()
        peer.noteRelease()
        if let closing = closing.take() {
            _ = core.timers.cancel(closing.timer)
            for waiter in closing.waiters { waiter.resume(()) }
        }
    }
}
