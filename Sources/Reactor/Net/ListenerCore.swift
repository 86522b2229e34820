// A listening socket on its loop: accepts in bounded batches, backs off when accepting fails.

import DequeModule

/// The loop's side of a listener. Everything here runs on the loop's thread.
///
/// It accepts for itself, on readiness: libuv's listener spins for ever on an accept error that
/// persists (PITFALLS D1), silently drops the whole backlog at EMFILE (D2) and accepts without
/// bound (D16).
final class ListenerCore: ShutdownParticipant {
    let core: LoopCore
    private let descriptor: Descriptor
    private let poll: UVPoll
    let address: SocketAddress
    /// Of a Unix socket; `nil` for TCP.
    private let unix: Unix?

    private var accepted = Deque<Accepted>()
    private var acceptor: (id: WaitID, waiter: Waiter<Outcome>)?
    private var lastAccept = MonotonicTime(nanoseconds: 0)
    var madeAt = PlaceID.unknown
    private var end: ReactorError?
    private var retryTimer = TimerID.none
    private var delay = Duration.zero
    /// Whether the last readiness brought more than one: then asking once more is worth a call.
    private var isBusy = false
    private var lastTurn: UInt64 = 0
    private(set) var statistics = ListenerStatistics()

    /// Whether somebody waits for a connection.
    var isAwaited: Bool { acceptor != nil }

    var isInService = false
    /// How many more connections may be open: what the service still allows.
    private var allowance = Int.max
    /// Clients that had gone when they were accepted, since the last one that had not.
    private var abortedRun = (accepted: 0, count: 0)

    /// Taken from the kernel ahead of the application, at most.
    static let undeliveredLimit = 64
    /// The same at the end, where nothing is left behind.
    private static let backlogLimit = 65_536
    private static let firstDelay = Duration.milliseconds(5)
    private static let delayAfterLoss = Duration.milliseconds(50)
    private static let longestDelay = Duration.seconds(1)

    struct Accepted: Sendable {
        let descriptor: Descriptor
        let peer: SocketAddress
    }

    enum Outcome: Sendable {
        case connection(Accepted)
        case failed(ReactorError)
        case cancelled
    }

    /// Takes the descriptor over, whatever happens: it is closed if this throws.
    init(
        _ descriptor: Descriptor, _ address: SocketAddress, _ unix: Unix? = nil, on core: LoopCore
    ) throws(ReactorError) {
        guard !core.isClosed else {
            unix?.file?.remove()
            descriptor.close()
            throw ReactorError(.loopClosed, "listen on \(address)")
        }
        self.descriptor = descriptor
        self.address = address
        self.unix = unix
        self.core = core
        do throws(ReactorError) {
            poll = try UVPoll(descriptor, on: core.uv)
        } catch {
            unix?.file?.remove()
            descriptor.close()
            throw error
        }
        super.init()
        core.participants.join(self)
        // Too late for new connections.
        if core.stopping != nil { close() }
    }

    // MARK: Taking connections

    /// Gives the next connection to `waiter`, now or when it comes.
    func next(_ waiter: Waiter<Outcome>, _ id: WaitID, forService: Bool, isCancelled: Bool) {
        if isCancelled {
            waiter.resume(.cancelled)
        } else if acceptor != nil || isInService && !forService {
            waiter.resume(.failed(ReactorError(.busy, "accept on \(address)")))
        } else if let first = accepted.popFirst() {
            waiter.resume(.connection(first))
        } else if let end {
            waiter.resume(.failed(end))
        } else {
            acceptor = (id, waiter)
            // libuv's clock is good enough, and free.
            lastAccept = core.uv.now
            watch()
        }
    }

    func cancel(_ id: WaitID) {
        guard let acceptor, acceptor.id == id else { return }
        self.acceptor = nil
        acceptor.waiter.resume(.cancelled)
    }

    /// From now on `limit` connections may be open, those that wait to be taken among them.
    func allow(_ limit: Int) { allowance = limit - accepted.count }

    /// Why nobody may serve here now: another does, or accepts, and must not notice.
    var refusal: ReactorError? {
        guard isInService || acceptor != nil else { return nil }
        return end ?? ReactorError(.busy, "accept on \(address)")
    }

    /// One of the connections that `allowance` counts has ended.
    func connectionEnded() {
        if allowance < .max { allowance += 1 }
        if acceptor != nil { watch() }
    }

    /// The stream of a connection that was taken, which is closed if this throws.
    @inline(__always)
    func open(_ accepted: Accepted) throws(ReactorError) -> StreamCore {
        if let unix { return try open(accepted, unix) }
        let stream = try StreamCore(accepted.descriptor, peer: .address(accepted.peer), on: core)
        stream.madeAt = madeAt
        return stream
    }

    @inline(never)
    private func open(_ accepted: Accepted, _ unix: Unix) throws(ReactorError) -> StreamCore {
        let name = accepted.peer.isUnnamed ? unix.clients : accepted.peer.description
        let peer = UnixPeer(name, receivesDescriptors: unix.receivesDescriptors)
        let stream = try StreamCore(accepted.descriptor, .unix, peer: .unix(peer), on: core)
        stream.madeAt = madeAt
        return stream
    }

    // MARK: Accepting

    private func watch() {
        guard end == nil, retryTimer == .none, allowance > 0 else { return }
        poll.watch(.readable, for: self)
    }

    override func ready(readable: Bool, writable: Bool, failed: Bool) {
        guard end == nil else { return }
        // Ready again in the very next turn: a crowd.
        if core.turns &- lastTurn <= 1 { isBusy = true }
        lastTurn = core.turns
        var taken = 0
        while accepted.count < Self.undeliveredLimit, allowance > 0 {
            // Readiness is level-triggered: what is left now is reported again.
            if taken == 1, !isBusy { return }
            let (number, peer) = descriptor.accept()
            if number < 0 {
                isBusy = taken > 1
                return refused(ReactorError.Code(rawValue: number))
            }
            taken += 1
            delay = .zero
            allowance -= 1
            statistics.accepted += 1
            deliver(Accepted(descriptor: Descriptor(number: number), peer: peer ?? address))
        }
        isBusy = true
        poll.watch([], for: self)
    }

    private func deliver(_ connection: Accepted) {
        if let acceptor {
            self.acceptor = nil
            acceptor.waiter.resume(.connection(connection))
        } else {
            accepted.append(connection)
            if accepted.count > 1 { isBusy = true }
        }
    }

    private func refused(_ code: ReactorError.Code) {
        switch code {
        case .wouldBlock:
            watch()
        case .connectionAborted:
            // The client has gone again; the next one may be there. Hardly if that goes on.
            statistics.aborted += 1
            if abortedRun.accepted != statistics.accepted {
                abortedRun = (statistics.accepted, 0)
            }
            abortedRun.count += 1
            if abortedRun.count <= Self.undeliveredLimit { return watch() }
            fallthrough
        default:
            backOff(ReactorError(code, "accept on \(address)"))
        }
    }

    /// Out of descriptors or memory, as a rule: connections wait in the kernel's backlog until a
    /// later try succeeds.
    private func backOff(_ error: ReactorError) {
        statistics.backOffs += 1
        core.acceptBackOffs += 1
        statistics.lastError = error
        if delay == .zero {
            Log.logger.warning("\(error); trying again after growing pauses")
        }
        delay = min(max(delay * 2, Self.firstDelay), Self.longestDelay)
        poll.watch([], for: self)
        retryTimer = core.timers.add(
            .now.advanced(by: delay),
            .call { [weak self] in
                guard let self else { return }
                self.retryTimer = .none
                self.ready(readable: true, writable: false, failed: false)
                self.watch()
            })
    }

    /// A connection that was taken could not be opened, and is closed: the kernel has no room to
    /// watch one more (PITFALLS D14).
    func lost(_ error: ReactorError) {
        connectionEnded()
        guard end == nil, retryTimer == .none else { return }
        Log.logger.warning("lost a connection accepted on \(address): \(error)")
        delay = Self.delayAfterLoss
        backOff(error)
    }

    func handlerFailed(_ error: any Error, _ peer: StreamCore.Peer) {
        statistics.failedHandlers += 1
        Log.logger.warning("the handler of \(peer) on \(address) failed: \(error)")
    }

    // MARK: The end

    /// Stops listening: connections that nobody has taken are reset, the one who waits is told.
    func close(_ code: ReactorError.Code = .closed) {
        guard end == nil else { return }
        stopListening(code)
        discard()
    }

    /// Stops listening for a service: clients that have connected by now, as many as may be open,
    /// are still there to be taken. They would see a reset, and may have sent a request.
    func closeBehindBacklog() {
        guard end == nil else { return }
        for _ in 0..<Self.backlogLimit where allowance > 0 {
            let (number, peer) = descriptor.accept()
            if number >= 0 {
                allowance -= 1
                statistics.accepted += 1
                deliver(Accepted(descriptor: Descriptor(number: number), peer: peer ?? address))
            } else if ReactorError.Code(rawValue: number) != .connectionAborted {
                break
            }
        }
        stopListening(.closed)
    }

    private func stopListening(_ code: ReactorError.Code) {
        let error = ReactorError(code, "accept on \(address)")
        end = error
        _ = core.timers.cancel(retryTimer)
        retryTimer = .none
        poll.release()
        // While this still listens: who binds the same path now finds it served, or free.
        unix?.file?.remove()
        descriptor.close()
        core.participants.leave(self)
        if let acceptor = acceptor.take() { acceptor.waiter.resume(.failed(error)) }
    }

    /// Resets what nobody will take.
    func discard() {
        for connection in accepted {
            connection.descriptor.resetOnClose()
            connection.descriptor.close()
        }
        accepted = []
    }

    override var shutdownName: String { "the listener on \(address)" }

    override var shutdownKind: ShutdownReport.Holdup.Kind { .listener }

    override var place: PlaceID { madeAt }

    override func eachWait(_ visit: (ParkedWait) -> Void) {
        guard let acceptor else { return }
        visit(ParkedWait("connections on \(address)", acceptor.waiter, since: lastAccept))
    }

    override func drain() { if isInService { closeBehindBacklog() } else { close() } }

    override func shutDown() { close(.loopClosed) }
}
