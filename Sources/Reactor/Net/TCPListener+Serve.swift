// A handler for each connection.

extension TCPListener {
    /// Runs `handler` for each connection until cancelled, or until the listener closes.
    ///
    /// Each handler runs in a child task on the listener's loop, with the caller's task-local
    /// values, and its stream is closed when it ends. One that throws ends its own connection only:
    /// the error is logged and counted in ``statistics()``. While `limit` connections are open no
    /// more are accepted; the kernel keeps them waiting.
    ///
    /// When cancelled, when the listener is closed, or when a signal asks the loop to stop, it
    /// stops listening, gives the handlers `drain` to end, then cancels them, and a second later
    /// aborts the streams they still hold. After such a signal it returns without an error.
    ///
    /// - Throws: `CancellationError` when cancelled; ``ReactorError/Code/closed`` when the listener
    ///   was closed; ``ReactorError/Code/loopClosed``; ``ReactorError/Code/invalidArgument`` for a
    ///   limit below one; ``ReactorError/Code/busy`` while something else accepts from it.
    ///
    /// libuv: `uv_listen` and `uv_accept`, here `uv_poll_start` and `accept4`.
    public func serve(
        limit: Int = 10_000, drain: Duration = .seconds(2),
        _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) async throws {
        guard limit > 0 else {
            throw ReactorError(.invalidArgument, "serve at most \(limit) connections")
        }
        try Task.checkCancellation()
        // Not a child: the caller's cancellation is to drain the handlers, not to cancel them.
        let stop = StopSwitch()
        let task = Task(executorPreference: loop) { [self] in
            try await loop.rooted("serve on") {
                try await acceptAndServe(limit, drain, stop, handler)
            }
        }
        stop.set(cancelHandlers: { task.cancel() })
        do {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                handle.carry { _ in stop.stop() }
            }
        } catch let error as ReactorError where error.code == .closed {
            try Task.checkCancellation()
            throw error
        }
    }

    /// On the loop.
    private func acceptAndServe(
        _ limit: Int, _ drain: Duration, _ stop: StopSwitch,
        _ handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) async throws {
        let service = LoopBound(
            TCPService(handle.here, limit: limit, drain: drain) { stop.cancelHandlers() },
            on: loop)
        stop.set(stop: { service.carry { $0.stop() } })
        let connection = Connection(service: service, handler: handler)
        let failure = await withDiscardingTaskGroup { group -> any Error in
            while true {
                do {
                    let accepted = try await take()
                    guard let core = try service.here.open(accepted) else { continue }
                    let stream = stream(core, accepted)
                    group.addTask {
                        stream.handle.ifHere?.setOwner(true)
                        do { try await connection.handler(stream) } catch {
                            connection.failed(error, stream.remoteAddress)
                        }
                        await stream.close()
                        connection.ended()
                    }
                } catch {
                    // Leaving normally, so that the group waits for its handlers and does not
                    // cancel them: that is for the drain to decide.
                    service.here.stop()
                    return error
                }
            }
        }
        service.carry { $0.end() }
        stop.end()
        // The loop was asked to stop: that is not a failure.
        if loop.isCurrent, loop.core.stopping != nil,
            (failure as? ReactorError)?.code == .closed
        {
            return
        }
        throw failure
    }
}

/// What the tasks of all connections share: each keeps one reference instead of its parts.
private final class Connection: Sendable {
    let service: LoopBound<TCPService>
    let handler: @Sendable (TCPStream) async throws -> Void

    init(
        service: LoopBound<TCPService>,
        handler: @escaping @Sendable (TCPStream) async throws -> Void
    ) {
        self.service = service
        self.handler = handler
    }

    func failed(_ error: any Error, _ peer: SocketAddress) {
        service.carry { $0.handlerFailed(error, peer) }
    }

    func ended() { service.carry { $0.handlerEnded() } }
}

/// Links the caller of `serve`, on any thread, to its service on the loop.
private final class StopSwitch: Sendable {
    private struct State {
        var isStopped = false
        var stop: (@Sendable () -> Void)?
        var cancelHandlers: (@Sendable () -> Void)?
    }

    private let state = Locked(State())

    func set(stop: @escaping @Sendable () -> Void) {
        let isStopped = state.withLock {
            $0.stop = stop
            return $0.isStopped
        }
        if isStopped { stop() }
    }

    func set(cancelHandlers: @escaping @Sendable () -> Void) {
        state.withLock { $0.cancelHandlers = cancelHandlers }
    }

    func stop() {
        let stop = state.withLock {
            $0.isStopped = true
            return $0.stop
        }
        stop?()
    }

    /// Lets go of the service, which holds this: a circle would keep the loop in memory.
    func end() {
        state.withLock {
            $0.stop = nil
            $0.cancelHandlers = nil
        }
    }

    func cancelHandlers() { state.withLock { $0.cancelHandlers }?() }
}
