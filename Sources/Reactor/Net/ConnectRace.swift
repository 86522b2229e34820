// Several attempts to connect, of which one becomes the connection.

/// Performs what `HappyEyeballs` decides: attempts, one timer, one end. Lives on its loop.
final class ConnectRace: ShutdownParticipant {
    private let loop: EventLoop
    private let core: LoopCore
    private let target: String
    private let madeAt: PlaceID
    private let options: TCPOptions
    private var machine: HappyEyeballs
    private var attempts: [Int: ConnectCore] = [:]
    private var timer = TimerID.none
    private var armed: MonotonicTime?
    private var waiter: (id: WaitID, waiter: Waiter<ConnectCore.Outcome>)?
    private var result: ConnectCore.Outcome?
    private var isOver = false

    /// Begins with the first address.
    init(
        to found: [SocketAddress], of target: String, _ options: TCPOptions, madeAt: PlaceID,
        on loop: EventLoop
    ) throws(ReactorError) {
        self.madeAt = madeAt
        self.loop = loop
        core = loop.core
        self.target = target
        self.options = options
        machine = HappyEyeballs(found, of: target, delay: options.attemptDelay)
        guard !core.isClosed else { throw ReactorError(.loopClosed, "connect to \(target)") }
        super.init()
        core.participants.join(self)
        perform(machine.begin(.now))
    }

    func park(
        _ waiter: Waiter<ConnectCore.Outcome>, _ id: WaitID, isCancelled: Bool
    ) {
        self.waiter = (id, waiter)
        if let result = result.take() {
            self.waiter = nil
            waiter.resume(result)
        } else if isCancelled {
            cancel(id)
        }
    }

    func cancel(_ id: WaitID) {
        if waiter?.id == id { finish(.cancelled) }
    }

    override var inspectedKind: String { "connect" }

    override var place: PlaceID { madeAt }

    override var shutdownName: String { "the attempts to connect to \(target)" }

    override func eachWait(_ visit: (ParkedWait) -> Void) {
        guard let waiter else { return }
        visit(ParkedWait("a connection to \(target)", waiter.waiter, since: openSince))
    }

    override func shutDown() {
        finish(.failed(ReactorError(.loopClosed, "connect to \(target)")))
    }

    // MARK: The race

    private func perform(_ first: HappyEyeballs.Action) {
        var action = first
        while true {
            switch action {
            case .wait: return setTimer()
            case .attempt(let number): action = begin(number)
            case .win: return
            case .fail(let error): return finish(.failed(error))
            }
        }
    }

    /// Begins an attempt; what follows if it has ended by then.
    private func begin(_ number: Int) -> HappyEyeballs.Action {
        do throws(ReactorError) {
            let attempt = try ConnectCore(
                to: machine.addresses[number], options, madeAt: madeAt, on: loop)
            let early = attempt.outcome { [weak self] outcome in
                guard let self else { return }
                self.attempts[number] = nil
                self.perform(self.ended(number, outcome))
            }
            if let early { return ended(number, early) }
            attempts[number] = attempt
            return .wait
        } catch {
            return machine.failed(number, error, .now)
        }
    }

    private func ended(_ number: Int, _ outcome: ConnectCore.Outcome) -> HappyEyeballs.Action {
        switch outcome {
        case .connected:
            let action = machine.connected(number)
            finish(outcome)
            return action
        case .failed(let error): return machine.failed(number, error, .now)
        case .cancelled: return .wait
        }
    }

    private func setTimer() {
        guard machine.nextAttempt != armed else { return }
        stopTimer()
        guard let next = machine.nextAttempt else { return }
        armed = next
        timer = core.timers.add(
            next,
            .call { [weak self] in
                guard let self else { return }
                self.armed = nil
                self.perform(self.machine.delayPassed(.now))
            })
    }

    private func stopTimer() {
        _ = core.timers.cancel(timer)
        timer = .none
        armed = nil
    }

    private func finish(_ outcome: ConnectCore.Outcome) {
        guard !isOver else { return }
        isOver = true
        core.participants.leave(self)
        stopTimer()
        let losers = attempts.values
        attempts = [:]
        for loser in losers { loser.abandon() }
        if let waiter = waiter.take() {
            waiter.waiter.resume(outcome)
        } else {
            result = outcome
        }
    }
}
