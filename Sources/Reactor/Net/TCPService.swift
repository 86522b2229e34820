// One run of `serve`: its connections, its limit, and the phases of its end.

/// Keeps count of the connections that one `serve` has open. Lives on the listener's loop.
final class TCPService {
    private let listener: ListenerCore
    private let core: LoopCore
    private let drain: Duration
    private var isStopping = false
    private var timer = TimerID.none
    /// Cancels every handler.
    private let cancelHandlers: @Sendable () -> Void
    /// Time between cancelling the handlers and aborting their streams.
    private static let patience = Duration.seconds(1)

    init(
        _ listener: ListenerCore, limit: Int, drain: Duration,
        cancelHandlers: @escaping @Sendable () -> Void
    ) {
        self.listener = listener
        core = listener.core
        self.drain = drain
        self.cancelHandlers = cancelHandlers
        listener.allow(limit)
    }

    /// Makes the stream of an accepted connection, known as this service's.
    ///
    /// `nil` if it could not be watched: it is closed then, and the others go on.
    func open(_ accepted: ListenerCore.Accepted) throws(ReactorError) -> StreamCore? {
        do throws(ReactorError) {
            let stream = try StreamCore(
                accepted.descriptor, peer: .address(accepted.peer), on: core)
            stream.service = ObjectIdentifier(self)
            return stream
        } catch {
            if error.code == .loopClosed { throw error }
            listener.lost(error)
            return nil
        }
    }

    func handlerEnded() { listener.connectionEnded() }

    func handlerFailed(_ error: any Error, _ peer: SocketAddress) {
        if isStopping, error is CancellationError { return }
        listener.handlerFailed(error, peer)
    }

    /// Stops accepting. Handlers get the drain time to end, are cancelled then, and lose their
    /// streams if that does not help either.
    func stop() {
        guard !isStopping else { return }
        isStopping = true
        listener.close()
        after(drain) { [weak self] in
            guard let self else { return }
            self.cancelHandlers()
            // Waits of the handlers themselves rely on being told: see `StreamCore.owner`.
            self.streams.forEach { $0.cancelOwner() }
            self.after(Self.patience) { [weak self] in
                self?.streams.forEach { $0.abort() }
            }
        }
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
        listener.allow(.max)
    }
}
