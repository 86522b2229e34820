// What the listeners of all kinds of streams share: accepting, and a handler for each connection.

/// A listener with a `ListenerCore`, and the face it gives to the streams that it accepts.
///
/// Generic, not a class of its own: the compiler makes a version for each kind, with nothing
/// between a handler and its stream.
protocol StreamListener: AnyObject, Sendable {
    associatedtype Stream: AcceptedStream
    var handle: LoopBound<ListenerCore> { get }

    /// On the loop.
    func stream(_ core: StreamCore, _ accepted: ListenerCore.Accepted) -> Stream
}

/// A stream that a listener accepts.
protocol AcceptedStream: ByteStream {
    var handle: StreamHandle { get }
}

extension StreamListener {
    var loop: EventLoop { handle.loop }

    /// The next connection as a stream.
    @inline(__always)
    func acceptNext() async throws -> Stream {
        let accepted = try await take()
        return try await loop.make {
            self.stream(try self.handle.here.open(accepted), accepted)
        } ifEnded: {
            accepted.descriptor.close()
        }
    }

    func take() async throws -> ListenerCore.Accepted {
        try Task.checkCancellation()
        let ended = ReactorError(.loopClosed, "accept")
        let outcome = await handle.wait(ifLoopEnded: .failed(ended)) {
            $0.next($1, $2, isCancelled: $3)
        } cancel: {
            $0.cancel($1)
        }
        switch outcome {
        case .connection(let accepted): return accepted
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// `serve` of the public listeners.
    func serveEach(
        _ limit: Int, _ drain: Duration,
        _ handler: @escaping @Sendable (Stream) async throws -> Void
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
        _ handler: @escaping @Sendable (Stream) async throws -> Void
    ) async throws {
        let service = LoopBound(
            ConnectionService(handle.here, limit: limit, drain: drain) { stop.cancelHandlers() },
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
                            connection.failed(error, stream.handle.constant { $0.peer })
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
private final class Connection<Stream: AcceptedStream>: Sendable {
    let service: LoopBound<ConnectionService>
    let handler: @Sendable (Stream) async throws -> Void

    init(
        service: LoopBound<ConnectionService>,
        handler: @escaping @Sendable (Stream) async throws -> Void
    ) {
        self.service = service
        self.handler = handler
    }

    func failed(_ error: any Error, _ peer: StreamCore.Peer) {
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
