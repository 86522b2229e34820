// A datagram socket on its loop: readiness in, datagrams both ways.

/// The loop's side of a UDP socket. Everything here runs on the loop's thread.
///
/// Readiness comes from `uv_poll_t`, datagrams from this library's own system calls: `uv_udp_t`
/// makes one more call than needed for each wake-up, cannot send many at once, and must not be
/// closed inside its own callback (PITFALLS D15); docs/decisions/0009-datagrams.md.
final class UDPCore: ShutdownParticipant {
    let core: LoopCore
    let descriptor: Descriptor
    let address: SocketAddress
    let peer: SocketAddress?
    let singly: Bool
    private let poll: UVPoll
    private let halves = Cell(Halves())
    private(set) var end: ReactorError?
    /// Whether the kernel cuts large sends into datagrams, and how often in a row it has refused.
    var segments: Bool
    var segmentRefusals = 0
    var statistics = UDPStatistics()
    var madeAt = PlaceID.unknown
    private var retryTimer = TimerID.none
    private var budget = Budget()

    private struct Halves {
        var inbound = DatagramInbound()
        var outbound = DatagramOutbound()
    }

    /// What was done in one turn of the loop without giving way to others.
    private struct Budget {
        var turn: UInt64 = 0
        var pulls = 0
        var sends = 0
    }

    /// So many calls for datagrams, and so many sends, in one turn: a socket that always has more
    /// must not hold up timers and other sockets.
    private static let pullLimit = 8
    private static let sendLimit = 256
    /// How many errors of other conversations are passed over in one receive.
    private static let refusalLimit = 64

    @inline(__always)
    var inbound: DatagramInbound {
        _read { yield halves.state.inbound }
        _modify { yield &halves.state.inbound }
    }

    @inline(__always)
    var outbound: DatagramOutbound {
        _read { yield halves.state.outbound }
        _modify { yield &halves.state.outbound }
    }

    /// Takes the descriptor over, whatever happens: it is closed if this throws.
    init(
        _ descriptor: Descriptor, at address: SocketAddress, to peer: SocketAddress?,
        singly: Bool, on core: LoopCore
    ) throws(ReactorError) {
        guard !core.isClosed else {
            descriptor.close()
            throw ReactorError(.loopClosed, "open a datagram socket")
        }
        self.core = core
        self.descriptor = descriptor
        self.address = address
        self.peer = peer
        self.singly = singly
        segments = !singly && descriptor.canSegment
        do throws(ReactorError) {
            poll = try UVPoll(descriptor, on: core.uv)
        } catch {
            descriptor.close()
            throw error
        }
        super.init()
        core.participants.join(self)
    }

    deinit { halves.free() }

    // MARK: Readiness

    override func ready(readable: Bool, writable: Bool, failed: Bool) {
        guard end == nil else { return }
        if writable { flush() }
        if readable { deliver() }
        updateWatch()
    }

    private func deliver() {
        guard let receiver = inbound.receiver else {
            // Stays in the kernel until somebody asks; to be told again and again costs a core.
            inbound.mayHaveMore = true
            poll.watch(watched.subtracting(.readable), for: self)
            return
        }
        guard let outcome = pull(receiver.target) else { return }
        _ = inbound.takeReceiver()
        receiver.waiter.resume(outcome)
    }

    /// Readability stays armed until it is reported with nobody to receive, writability until it is
    /// reported with nothing to send: changing what is watched costs two system calls.
    private func updateWatch() {
        guard end == nil else { return }
        var events = watched
        if inbound.receiver != nil { events.insert(.readable) }
        if outbound.isClear || retryTimer != .none {
            events.remove(.writable)
        } else {
            events.insert(.writable)
        }
        poll.watch(events, for: self)
    }

    // MARK: Receiving

    /// The outcome of a receive that need not wait; `nil` if it must.
    @inline(__always)
    func receive(_ target: DatagramInbound.Target) -> ReceiveOutcome? {
        if let outcome = inbound.receive(target, operation: { "receive on \(address)" }) {
            return outcome
        }
        return inbound.mayHaveMore && mayPull() ? pull(target) : nil
    }

    private func mayPull() -> Bool {
        refreshBudget()
        budget.pulls += 1
        return budget.pulls <= Self.pullLimit
    }

    @inline(__always)
    private func refreshBudget() {
        if budget.turn != core.turns { budget = Budget(turn: core.turns) }
    }

    func park(_ receiver: DatagramInbound.Receiver) {
        inbound.park(receiver)
        if !watched.contains(.readable) { updateWatch() }
    }

    func cancelReceive(_ id: WaitID) { inbound.cancel(id)?.resume(.cancelled) }

    /// Asks the kernel. `nil` if it has nothing.
    private func pull(_ target: DatagramInbound.Target) -> ReceiveOutcome? {
        let own: BorrowedMemory? = if case .memory(let memory) = target { memory } else { nil }
        for _ in 0..<Self.refusalLimit {
            let want = inbound.want(for: target)
            let count = core.datagrams.receive(
                from: descriptor, want: want, own: own, singly: singly)
            statistics.receiveCalls += 1
            if count > 0 { return take(count, of: want, target, own) }
            let code = ReactorError.Code(rawValue: Int32(count))
            if code == .wouldBlock {
                inbound.foundNothing()
                return nil
            }
            inbound.mayHaveMore = true
            // Of somebody whom this socket has once sent to: no business of the next receiver.
            if peer == nil, Self.isRefusal(code) { continue }
            return .failed(ReactorError(code, "receive on \(address)"))
        }
        return nil
    }

    private func take(
        _ count: Int, of want: Int, _ target: DatagramInbound.Target, _ own: BorrowedMemory?
    ) -> ReceiveOutcome {
        let landing = core.datagrams
        statistics.received += count
        if case .batch = target {
            inbound.mayHaveMore = count == want
            return .batch(
                (0..<count).map {
                    let arrival = landing.arrival($0)
                    return Datagram(
                        arrival.memory.copy(prefix: arrival.memory.count), from: arrival.from,
                        isTruncated: arrival.isTruncated)
                })
        }
        let first = landing.arrival(0, own: own)
        var largest = first.memory.count
        for index in 1..<max(count, 1) {
            let arrival = landing.arrival(index)
            largest = max(largest, arrival.memory.count)
            inbound.store(
                arrival.memory, from: arrival.from, isTruncated: arrival.isTruncated)
        }
        inbound.brought(count, of: want, largest: largest)
        guard case .array(let max) = target else {
            return .header(
                Datagram.Header(
                    count: first.memory.count, from: first.from, isTruncated: first.isTruncated))
        }
        let room = min(max, first.memory.count)
        return .datagram(
            Datagram(
                first.memory.copy(prefix: room), from: first.from,
                isTruncated: first.isTruncated || room < first.memory.count))
    }

    /// What ICMP says of a datagram sent before.
    private static func isRefusal(_ code: ReactorError.Code) -> Bool {
        switch code {
        case .connectionRefused, .connectionReset, .hostUnreachable, .networkUnreachable,
            .messageTooLong:
            true
        default: false
        }
    }

    // MARK: Waiting to send

    /// True if the sender should give way to others now, who may have waited for a while.
    @inline(__always)
    func hasSentEnough() -> Bool {
        refreshBudget()
        budget.sends += 1
        return budget.sends % Self.sendLimit == 0
    }

    func park(_ sender: DatagramOutbound.Sender) {
        outbound.park(sender)
        updateWatch()
    }

    func cancelSend(_ id: WaitID) { outbound.cancel(id)?.cancel() }

    /// The kernel has no buffers, which readiness says nothing of: to be tried again in a moment.
    func pauseSending() {
        guard retryTimer == .none, end == nil else { return }
        retryTimer = core.timers.add(
            .now.advanced(by: .milliseconds(1)),
            .call { [weak self] in
                guard let self else { return }
                self.retryTimer = .none
                self.flush()
                self.updateWatch()
            })
    }

    // MARK: The end

    /// Ends everything now.
    func close(_ code: ReactorError.Code = .closed) {
        guard end == nil else { return }
        let error = ReactorError(code, "use the datagram socket on \(address)")
        end = error
        _ = core.timers.cancel(retryTimer)
        retryTimer = .none
        // In this order also inside a callback of the handle: libuv frees it a turn later.
        poll.release()
        descriptor.close()
        core.participants.leave(self)
        inbound.close(error)?.resume(.failed(error))
        for sender in outbound.takeAll() { sender.fail(error) }
    }

    override var shutdownName: String { "the datagram socket on \(address)" }

    override var shutdownWait: String? {
        if !outbound.isClear { return "room to send" }
        return inbound.receiver == nil ? nil : "datagrams"
    }

    override var inspectedKind: String { "socket" }

    override var place: PlaceID { madeAt }

    override func eachWait(_ visit: (ParkedWait) -> Void) {
        if let receiver = inbound.receiver {
            visit(ParkedWait("datagrams on \(address)", receiver.waiter))
        }
        for sender in outbound.waitingSenders {
            visit(ParkedWait("room to send on \(address)", sender.waiter))
        }
    }

    override func shutDown() { close(.loopClosed) }
}
