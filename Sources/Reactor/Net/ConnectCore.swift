// A TCP connection on its way: one attempt to one address.

/// The loop's side of an attempt to connect. It ends as a stream, a failure or a cancellation;
/// whichever comes first leaves nothing else behind.
final class ConnectCore: ShutdownParticipant {
    private let core: LoopCore
    private let descriptor: Descriptor
    private let poll: UVPoll
    private let address: SocketAddress
    private var waiter: (id: WaitID, waiter: Waiter<Outcome>)?
    private var result: Outcome?
    /// Told of the end instead of a waiter, where this is one attempt of several.
    private var onEnd: ((Outcome) -> Void)?

    enum Outcome: Sendable {
        case connected(LoopBound<StreamCore>, local: SocketAddress)
        case failed(ReactorError)
        case cancelled
    }

    private let loop: EventLoop
    private let madeAt: PlaceID

    /// Begins to connect.
    init(
        to address: SocketAddress, _ options: TCPOptions, madeAt: PlaceID, on loop: EventLoop
    ) throws(ReactorError) {
        core = loop.core
        self.madeAt = madeAt
        self.loop = loop
        self.address = address
        guard !core.isClosed else {
            throw ReactorError(.loopClosed, "connect to \(address)")
        }
        let (descriptor, isConnected) = try Descriptor.connecting(to: address, options)
        self.descriptor = descriptor
        do throws(ReactorError) {
            poll = try UVPoll(descriptor, on: core.uv)
        } catch {
            descriptor.close()
            throw error
        }
        super.init()
        if isConnected {
            finish()
        } else {
            core.participants.join(self)
            poll.watch(.writable, for: self)
        }
    }

    func park(_ waiter: Waiter<Outcome>, _ id: WaitID, isCancelled: Bool) {
        self.waiter = (id, waiter)
        if let result {
            deliver(result)
        } else if isCancelled {
            cancel(id)
        }
    }

    func cancel(_ id: WaitID) {
        if waiter?.id == id { abandon(.cancelled) }
    }

    /// Has `onEnd` told of the end, unless it has come: it is returned then.
    func outcome(orLater onEnd: @escaping (Outcome) -> Void) -> Outcome? {
        if result == nil { self.onEnd = onEnd }
        return result.take()
    }

    /// Gives the attempt up; nobody is told.
    func abandon() {
        onEnd = nil
        if result == nil { abandon(.cancelled) }
    }

    override func ready(readable: Bool, writable: Bool, failed: Bool) {
        let code: ReactorError.Code?
        do throws(ReactorError) { code = try descriptor.takeError() } catch { code = error.code }
        if let code {
            abandon(.failed(ReactorError(code, "connect to \(address)")))
        } else {
            core.participants.leave(self)
            finish()
        }
    }

    override var inspectedKind: String { "connect" }

    override var place: PlaceID { madeAt }

    override var shutdownName: String { "the attempt to connect to \(address)" }

    override func eachWait(_ visit: (ParkedWait) -> Void) {
        guard let waiter else { return }
        visit(ParkedWait("a connection to \(address)", waiter.waiter, since: openSince))
    }

    override func shutDown() {
        abandon(.failed(ReactorError(.loopClosed, "connect to \(address)")))
    }

    /// Hands the descriptor, and its place in epoll, to a stream.
    private func finish() {
        let local: SocketAddress
        do throws(ReactorError) { local = try descriptor.localAddress() ?? address } catch {
            return abandon(.failed(error))
        }
        do throws(ReactorError) {
            let stream = try StreamCore(
                descriptor, peer: .address(address), on: core, watchedBy: poll)
            stream.madeAt = madeAt
            deliver(.connected(LoopBound(stream, on: loop), local: local))
        } catch {
            // The descriptor was the stream's by then, and is closed.
            poll.release()
            deliver(.failed(error))
        }
    }

    private func abandon(_ outcome: Outcome) {
        core.participants.leave(self)
        poll.release()
        descriptor.close()
        deliver(outcome)
    }

    private func deliver(_ outcome: Outcome) {
        if let waiter = waiter.take() {
            waiter.waiter.resume(outcome)
        } else if let onEnd = onEnd.take() {
            onEnd(outcome)
        } else {
            result = outcome
        }
    }
}

extension Descriptor {
    /// A socket that has begun to connect, and whether it has connected at once. Nothing is left
    /// if this throws.
    @inline(never)
    static func connecting(
        to address: SocketAddress, _ options: TCPOptions
    ) throws(ReactorError) -> (Descriptor, Bool) {
        guard address.port > 0 else {
            throw ReactorError(.invalidArgument, "connect to \(address)")
        }
        let descriptor = try streamSocket(address.family)
        do throws(ReactorError) {
            try descriptor.apply(options, address.family)
            if let local = options.localAddress { try descriptor.bind(to: local) }
            return (descriptor, try descriptor.connect(to: address))
        } catch {
            descriptor.close()
            throw error
        }
    }
}
