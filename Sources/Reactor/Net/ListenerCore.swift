// A listening socket on its loop: accepts in bounded batches, backs off when accepting fails.

import DequeModule

/// The loop's side of a listener. Everything here runs on the loop's thread.
///
/// It accepts for itself, on readiness: libuv's listener spins for ever on an accept error that
/// persists (PITFALLS D1), silently drops the whole backlog at EMFILE (D2) and accepts without
/// bound (D16).
final class ListenerCore: PollOwner, ShutdownParticipant {
    let core: LoopCore
    private let descriptor: Descriptor
    private let poll: UVPoll
    private let address: SocketAddress
    var participantIndex = -1

    private var accepted = Deque<Accepted>()
    private var acceptor: (id: WaitID, waiter: Waiter<AcceptOutcome>)?
    private var cancelledEarly: WaitID?
    private var waits: UInt64 = 0
    private var end: ReactorError?
    private var retryTimer = TimerID.none
    private var delay = Duration.zero
    private(set) var statistics = ListenerStatistics()

    /// Taken from the kernel ahead of the application, at most.
    private static let undeliveredLimit = 16
    private static let firstDelay = Duration.milliseconds(5)
    private static let longestDelay = Duration.seconds(1)

    struct Accepted: Sendable {
        let descriptor: Descriptor
        let peer: SocketAddress
    }

    enum AcceptOutcome: Sendable {
        case connection(Accepted)
        case failed(ReactorError)
        case cancelled
    }

    init(
        _ descriptor: Descriptor, _ address: SocketAddress, on core: LoopCore
    ) throws(ReactorError) {
        guard !core.isClosed else {
            descriptor.close()
            throw ReactorError(.loopClosed, "listen on \(address)")
        }
        self.descriptor = descriptor
        self.address = address
        self.core = core
        do throws(ReactorError) {
            poll = try UVPoll(descriptor, on: core.uv)
        } catch {
            descriptor.close()
            throw error
        }
        core.participants.join(self)
    }

    // MARK: Taking connections

    func next() -> AcceptOutcome? {
        if acceptor != nil { return .failed(ReactorError(.busy, "accept on \(address)")) }
        if let first = accepted.popFirst() { return .connection(first) }
        if let end { return .failed(end) }
        watch()
        return nil
    }

    func nextWait() -> WaitID {
        waits &+= 1
        return WaitID(waits)
    }

    func park(_ waiter: Waiter<AcceptOutcome>, _ id: WaitID) {
        if let early = cancelledEarly, early == id {
            cancelledEarly = nil
            waiter.resume(.cancelled)
        } else {
            acceptor = (id, waiter)
        }
    }

    func cancel(_ id: WaitID) {
        guard let acceptor, acceptor.id == id else {
            cancelledEarly = id
            return
        }
        self.acceptor = nil
        acceptor.waiter.resume(.cancelled)
    }

    /// Leaves connections to the kernel's backlog until `next` is called again.
    func pause() { poll.watch([], for: self) }

    // MARK: Accepting

    private func watch() {
        guard end == nil, retryTimer == .none else { return }
        poll.watch(.readable, for: self)
    }

    func ready(readable: Bool, writable: Bool, failed: Bool) {
        guard end == nil else { return }
        while accepted.count < Self.undeliveredLimit {
            let (number, peer) = descriptor.accept()
            if number < 0 {
                refused(ReactorError.Code(rawValue: number))
                return
            }
            delay = .zero
            statistics.accepted += 1
            deliver(Accepted(descriptor: Descriptor(number: number), peer: peer ?? address))
        }
        pause()
    }

    private func deliver(_ connection: Accepted) {
        if let acceptor {
            self.acceptor = nil
            acceptor.waiter.resume(.connection(connection))
        } else {
            accepted.append(connection)
        }
    }

    private func refused(_ code: ReactorError.Code) {
        switch code {
        case .wouldBlock:
            watch()
        case .connectionAborted:
            // The client has gone again; the next one may be there.
            statistics.aborted += 1
            watch()
        default:
            // Out of descriptors or memory, as a rule: connections stay in the backlog meanwhile.
            statistics.backOffs += 1
            statistics.lastError = ReactorError(code, "accept on \(address)")
            if delay == .zero {
                Log.logger.warning("\(statistics.lastError!); trying again with growing pauses")
            }
            delay = min(max(delay * 2, Self.firstDelay), Self.longestDelay)
            pause()
            retryTimer = core.timers.add(.now.advanced(by: delay), .call { [weak self] in
                guard let self else { return }
                self.retryTimer = .none
                self.ready(readable: true, writable: false, failed: false)
            })
        }
    }

    // MARK: The end

    /// Stops listening: connections not yet taken are closed, the one who waits is told.
    func close(_ code: ReactorError.Code = .closed) {
        guard end == nil else { return }
        let error = ReactorError(code, "accept on \(address)")
        end = error
        _ = core.timers.cancel(retryTimer)
        retryTimer = .none
        poll.release()
        descriptor.close()
        core.participants.leave(self)
        for connection in accepted {
            connection.descriptor.resetOnClose()
            connection.descriptor.close()
        }
        accepted = []
        if let acceptor = acceptor.take() { acceptor.waiter.resume(.failed(error)) }
    }

    func shutDown() { close(.loopClosed) }
}

/// What a listener has seen.
public struct ListenerStatistics: Sendable, Hashable {
    /// Connections taken from the kernel.
    public internal(set) var accepted = 0
    /// Clients that had gone before they were accepted.
    public internal(set) var aborted = 0
    /// Failures to accept that were answered with a pause.
    public internal(set) var backOffs = 0
    /// The latest of them.
    public internal(set) var lastError: ReactorError?
}
