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

    func take(forService: Bool = false) async throws -> ListenerCore.Accepted {
        try Task.checkCancellation()
        let ended = ReactorError(.loopClosed, "accept")
        let outcome = await handle.wait(ifLoopEnded: .failed(ended)) {
            $0.next($1, $2, forService: forService, isCancelled: $3)
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
        _ limit: Int, _ drain: Duration, _ place: PlaceID,
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
                try await acceptAndServe(limit, drain, place, stop, handler)
            }
        }
        stop.set(cancelHandlers: { task.cancel() })
        let link = CallerLink(to: loop) { [handle] reason in
            stop.ask(reason)
            handle.carry { _ in stop.stop() }
        }
        defer { link?.leave() }
        do {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                handle.carry { _ in stop.stop() }
            }
        } catch let error as ReactorError where error.code == .closed {
            try Task.checkCancellation()
            // The caller's loop was asked to stop, or has ended: as if it were the listener's.
            switch stop.reason {
            case .stop: return
            case .end: throw ReactorError(.loopClosed, "serve")
            case nil: throw error
            }
        }
    }

    /// On the loop.
    private func acceptAndServe(
        _ limit: Int, _ drain: Duration, _ place: PlaceID, _ stop: StopSwitch,
        _ handler: @escaping @Sendable (Stream) async throws -> Void
    ) async throws {
        if let refusal = handle.here.refusal { throw refusal }
        let service = LoopBound(
            ConnectionService(handle.here, limit: limit, drain: drain, madeAt: place) {
                stop.cancelHandlers()
            }, on: loop)
        stop.set(stop: { service.carry { $0.stop() } })
        let connection = Connection(service: service, handler: handler)
        let failure = await withDiscardingTaskGroup { group -> any Error in
            while true {
                do {
                    let accepted = try await take(forService: true)
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
                    service.here.acceptingEnded()
                    return error
                }
            }
        }
        service.carry { $0.end() }
        stop.end()
        guard loop.isCurrent, (failure as? ReactorError)?.code == .closed else { throw failure }
        // The loop was asked to stop: that is not a failure. Nor has anybody closed the listener
        // where the loop's own end did.
        if loop.core.stopping != nil { return }
        if loop.core.endSince != nil { throw ReactorError(.loopClosed, "serve") }
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
        var reason: Reason?
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

    /// What became of the caller's loop.
    enum Reason { case stop, end }

    var reason: Reason? { state.withLock { $0.reason } }

    /// The first one counts.
    func ask(_ reason: Reason) { state.withLock { $0.reason = $0.reason ?? reason } }

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

/// The place of a service on the loop whose code called `serve`, where the listener lives on
/// another one. A signal that asks that loop to stop drains the service too, and so does its end.
///
/// Unchecked: what is not constant is touched on the caller's loop alone.
private final class CallerLink: ShutdownParticipant, @unchecked Sendable {
    private let caller: EventLoop
    private let onEnd: @Sendable (StopSwitch.Reason) -> Void
    /// Touched on the caller's loop alone, like the place in its list.
    private var isOver = false

    /// `nil` where there is no other loop.
    init?(to loop: EventLoop, onEnd: @escaping @Sendable (StopSwitch.Reason) -> Void) {
        guard let caller = EventLoop.current ?? HomeLoop.current, caller != loop else { return nil }
        self.caller = caller
        self.onEnd = onEnd
        super.init()
        let isSent = onCaller { link in
            if link.isOver { return }
            if link.caller.core.isClosed { return link.onEnd(.end) }
            link.caller.core.participants.join(link)
            if link.caller.core.stopping != nil { link.drain() }
        }
        if !isSent { onEnd(.end) }
    }

    func leave() {
        onCaller { link in
            link.isOver = true
            link.caller.core.participants.leave(link)
        }
    }

    /// False if that loop has ended.
    @discardableResult
    private func onCaller(_ body: @escaping @Sendable (CallerLink) -> Void) -> Bool {
        guard caller.isCurrent else { return caller.post { body(self) } }
        body(self)
        return true
    }

    override func drain() { onEnd(.stop) }

    override func shutDown() {
        caller.core.participants.leave(self)
        onEnd(.end)
    }
}
