// A child on its way to its program, on the loop of those who wait for it.

/// What becomes of a launch.
enum LaunchOutcome: Sendable {
    case launched(Launched)
    case failed(ReactorError)
    case cancelled
}

/// Everything here runs on the loop's thread.
///
/// The child makes its way beside the loop, which is told by the end of a pipe when it is through.
/// No thread has to be woken for it: on a machine at rest that takes a tenth of the time that
/// `/bin/true` needs from its start to its end.
final class LaunchCore: ShutdownParticipant {
    private let core: LoopCore
    private let command: Command
    private var preparation: Preparation
    private let attempt: SpawnAttempt
    private var poll: UVPoll?
    private var waiter: Waiter<LaunchOutcome>?
    private var phase = Phase.starting
    private var isCancelled = false

    private enum Phase {
        case starting
        /// It has failed, and is to be reaped.
        case ending(LaunchOutcome)
        /// Nobody has asked yet.
        case settled(LaunchOutcome)
        case over
    }

    /// Begins; nothing is left if this throws.
    init(_ command: Command, on loop: EventLoop) throws {
        core = loop.core
        self.command = command
        guard !core.isClosed else {
            throw ReactorError(.loopClosed, "run \(command.shownProgram)")
        }
        preparation = try Preparation(command)
        do throws(SpawnRequest.Failure) {
            attempt = try preparation.request.begin()
        } catch {
            preparation.closeAll()
            if error.isNotHere { throw error }
            throw command.error(error, in: preparation.request)
        }
        super.init()
        preparation.closeChildSide()
        do throws(ReactorError) {
            poll = try UVPoll(attempt.through, on: core.uv)
        } catch {
            preparation.closeAll()
            attempt.child.killAndReap()
            _ = attempt.end()
            throw error
        }
        poll?.watch(.readable, for: self)
        core.participants.join(self)
    }

    override var shutdownName: String { "child \(attempt.child.pid) (\(command.shownProgram))" }
    override var shutdownKind: ShutdownReport.Holdup.Kind { .child }
    override var shutdownWait: String? { "its program" }

    // MARK: The child

    override func ready(readable: Bool, writable: Bool, failed: Bool) {
        switch phase {
        case .starting: isThrough()
        case .ending(let outcome):
            guard attempt.child.reapIfEnded() else { return }
            settle(outcome)
        case .settled, .over: break
        }
    }

    private func isThrough() {
        poll.take()?.release()
        let failure = attempt.end()
        if failure == nil, !isCancelled {
            return settle(.launched(Launched(attempt.child, preparation)))
        }
        preparation.closeAll()
        let outcome =
            if isCancelled { LaunchOutcome.cancelled } else {
                LaunchOutcome.failed(command.error(failure!, in: preparation.request))
            }
        // It ends, but may take a moment over it.
        phase = .ending(outcome)
        do throws(ReactorError) {
            poll = try UVPoll(attempt.child.pidfd!, on: core.uv)
            poll?.watch(.readable, for: self)
        } catch {
            attempt.child.killAndReap()
            settle(outcome)
        }
    }

    private func settle(_ outcome: LaunchOutcome) {
        poll.take()?.release()
        if case .launched = outcome {} else { attempt.child.close() }
        phase = .settled(outcome)
        deliver()
    }

    private func deliver() {
        guard case .settled(let outcome) = phase, let waiter = waiter.take() else { return }
        phase = .over
        core.participants.leave(self)
        waiter.resume(outcome)
    }

    // MARK: Who waits

    func park(_ waiter: Waiter<LaunchOutcome>) {
        if case .over = phase {
            // The loop has ended between the start and this, and nobody would tell this one.
            let error = ReactorError(.loopClosed, "run \(command.shownProgram)")
            return waiter.resume(.failed(error))
        }
        self.waiter = waiter
        deliver()
    }

    /// Kills the child; the wait ends when it has ended.
    func stop() {
        guard case .starting = phase else { return }
        isCancelled = true
        _ = attempt.child.signal(Signal.kill.rawValue)
    }

    /// Leaves nothing of it; a thread waits for the child to be gone.
    override func shutDown() {
        poll.take()?.release()
        core.participants.leave(self)
        let (attempt, former) = (attempt, phase)
        phase = .over
        switch former {
        case .starting:
            preparation.closeAll()
            inBackground {
                attempt.child.killAndReap()
                _ = attempt.end()
            }
        case .ending: inBackground { attempt.child.killAndReap() }
        case .settled(.launched(let launched)): inBackground { launched.discard() }
        case .settled, .over: break
        }
        let error = ReactorError(.loopClosed, "run \(command.shownProgram)")
        waiter.take()?.resume(.failed(error))
    }

    private func inBackground(_ body: @escaping @Sendable () -> Void) {
        do throws(ReactorError) {
            try Thread.start(name: "reactor-reap", body)
        } catch { body() }
    }
}
