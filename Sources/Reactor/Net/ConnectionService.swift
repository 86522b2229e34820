// One run of `serve`: its connections, its limit, and the phases of its end.

/// Keeps count of the connections that one `serve` has open. Lives on the listener's loop.
final class ConnectionService: ShutdownParticipant {
    private let listener: ListenerCore
    private let core: LoopCore
    private let drainTime: Duration
    private var isStopping = false
    let madeAt: PlaceID
    private var hasCancelled = false
    private var handlers = 0
    private let start = MonotonicTime.now
    private var timer = TimerID.none
    /// Cancels every handler.
    private let cancelHandlers: @Sendable () -> Void
    /// Time between cancelling the handlers and aborting their streams.
    private static let patience = Duration.seconds(1)

    init(
        _ listener: ListenerCore, limit: Int, drain: Duration, madeAt: PlaceID,
        cancelHandlers: @escaping @Sendable () -> Void
    ) {
        self.listener = listener
        core = listener.core
        drainTime = drain
        self.madeAt = madeAt
        self.cancelHandlers = cancelHandlers
        super.init()
        core.participants.join(self)
        listener.allow(limit)
        listener.isInService = true
    }

    /// Makes the stream of an accepted connection, known as this service's.
    ///
    /// `nil` if it could not be watched: it is closed then, and the others go on.
    func open(_ accepted: ListenerCore.Accepted) throws(ReactorError) -> StreamCore? {
        do throws(ReactorError) {
            let stream = try listener.open(accepted)
            stream.service = ObjectIdentifier(self)
            stream.madeAt = madeAt
            handlers += 1
            return stream
        } catch {
            if error.code == .loopClosed { throw error }
            listener.lost(error)
            return nil
        }
    }

    func handlerEnded() {
        handlers -= 1
        listener.connectionEnded()
    }

    func handlerFailed(_ error: any Error, _ peer: StreamCore.Peer) {
        if isStopping, error is CancellationError { return }
        listener.handlerFailed(error, peer)
    }

    /// Stops accepting. Handlers get the drain time to end, are cancelled then, and lose their
    /// streams if that does not help either.
    func stop() { stop(within: drainTime) }

    private func stop(within time: Duration) {
        guard !isStopping else { return }
        isStopping = true
        listener.closeBehindBacklog()
        after(time) { [weak self] in self?.cancelNow() }
    }

    /// Nothing more is taken.
    func acceptingEnded() {
        stop()
        listener.discard()
    }

    private func cancelNow() {
        guard !hasCancelled else { return }
        hasCancelled = true
        _ = core.timers.cancel(timer)
        noteLate()
        cancelHandlers()
        // Waits of the handlers themselves rely on being told: see `StreamCore.owner`.
        streams.forEach { $0.cancelOwner() }
        after(Self.patience) { [weak self] in
            self?.streams.forEach { $0.abort() }
        }
    }

    /// Streams that a stop of the loop has waited for in vain.
    private func noteLate() {
        guard let stopping = core.stopping, stopping.abortAt == nil else { return }
        let waits = core.parkedWaits
        core.late += streams.filter { $0.shutdownWait != nil }
            .map { ShutdownReport.Holdup($0, .draining, since: stopping.since, waits) }
    }

    private func after(_ time: Duration, _ call: @escaping () -> Void) {
        timer = core.timers.add(.now.advanced(by: time), .call(call))
    }

    private var streams: [StreamCore] {
        core.participants.all.compactMap { $0 as? StreamCore }
            .filter { $0.service == ObjectIdentifier(self) }
    }

    /// Every handler has ended.
    func end() {
        _ = core.timers.cancel(timer)
        core.participants.leave(self)
        listener.allow(.max)
        listener.isInService = false
    }

    // MARK: The loop's end

    override var shutdownName: String { "serve on \(listener.address)" }

    override var shutdownKind: ShutdownReport.Holdup.Kind { .service }

    override var shutdownWait: String? {
        handlers > 0 ? "\(handlers) handler\(handlers == 1 ? "" : "s")" : nil
    }

    override var shutdownSince: MonotonicTime? { start }

    override var place: PlaceID { madeAt }

    /// A twentieth of the grace is left for handlers that have to be cancelled: closing a thousand
    /// idle connections after it would make the end late.
    override func drain() {
        let left = core.stopping.map { MonotonicTime.now.duration(to: $0.deadline) * 19 / 20 }
        stop(within: min(drainTime, left ?? drainTime))
    }

    override func cancel() {
        stop()
        cancelNow()
    }

    override func shutDown() {
        listener.discard()
        core.participants.leave(self)
    }
}
