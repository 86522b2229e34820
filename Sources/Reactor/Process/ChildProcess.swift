// A child of this process: its pid, its pipes, and the ways to its end.

/// A running, or ended, child.
///
/// ``Command/run(grace:_:)`` ends it for you; from ``Command/spawn()`` it is yours. Usable from any
/// task or thread. One that is dropped runs on, and is still reaped: it leaves no zombie. When the
/// loop it was made on shuts down, it is killed.
public final class ChildProcess: Sendable {
    /// The number of the process; after its end the system may give it to another.
    public let pid: Int32
    /// The command line, for people.
    public let description: String

    let handle: LoopBound<ProcessCore>
    let child: ChildHandle
    private let record: Locked<ProcessEnd?>
    private let input: PipeWriter?
    private let output: PipeReader?
    private let error: PipeReader?
    private let controller: PseudoTerminal?

    /// On the loop. What was launched is ended, and everything closed, if this throws.
    init(
        _ launched: Launched, _ command: Command, isScoped: Bool, on loop: EventLoop
    ) throws(ReactorError) {
        var open = launched.ends
        var streams: [StreamHandle] = []
        func stream(
            _ end: inout Descriptor?, _ medium: StreamCore.Medium, _ name: String
        ) throws(ReactorError) -> StreamHandle? {
            guard let descriptor = end.take() else { return nil }
            let peer = StreamCore.Peer.named("the \(name) of \(command.shownProgram)")
            let core = try StreamCore(descriptor, medium, peer: peer, on: loop.core)
            let handle = StreamHandle(core, on: loop)
            core.madeAt = command.place
            streams.append(handle)
            return handle
        }
        do throws(ReactorError) {
            input = try stream(&open.input, .pipeWriter, "standard input").map { PipeWriter($0) }
            let outputs = (
                try stream(&open.output, .pipeReader, "standard output"),
                try stream(&open.error, .pipeReader, "standard error"),
                try stream(&open.terminal, .terminal, "terminal")
            )
            let record = Locked<ProcessEnd?>(nil)
            let core = try ProcessCore(
                launched.child, name: command.shownProgram,
                launched.ownership(command, isScoped), record: record,
                watchedBy: launched.exit?.value, on: loop)
            core.madeAt = command.place
            core.add(
                outputs: [outputs.0, outputs.1, outputs.2].compactMap { $0?.here },
                grace: command.outputGrace)
            handle = LoopBound(core, on: loop)
            self.record = record
            output = outputs.0.map { PipeReader($0) }
            error = outputs.1.map { PipeReader($0) }
            controller = outputs.2.map { PseudoTerminal($0) }
        } catch {
            for stream in streams { stream.abort() }
            open.close()
            launched.child.killAndReap()
            throw error
        }
        pid = launched.child.pid
        child = launched.child
        description = command.description
    }

    /// The loop that watches it, and on which its pipes live.
    public var loop: EventLoop { handle.loop }

    // MARK: Its streams

    /// Where the child reads from; a trap unless that is a pipe.
    ///
    /// Close it, or ``PipeWriter/finish()``, to tell the child that no more comes.
    public var standardInput: PipeWriter {
        guard let input else { preconditionFailure("\(description): standard input is no pipe") }
        return input
    }

    /// What the child writes; a trap unless that is a pipe.
    ///
    /// Ends when the child and whoever it shared it with have closed it, at the latest
    /// ``Command/outputGrace`` after the child's own end.
    public var standardOutput: PipeReader {
        guard let output else { preconditionFailure("\(description): standard output is no pipe") }
        return output
    }

    /// What the child complains of; a trap unless that is a pipe.
    ///
    /// It ends as ``standardOutput`` does.
    public var standardError: PipeReader {
        guard let error else { preconditionFailure("\(description): standard error is no pipe") }
        return error
    }

    /// This side of the child's pseudo-terminal; a trap without ``Command/terminal``.
    public var terminal: PseudoTerminal {
        guard let controller else { preconditionFailure("\(description) has no terminal") }
        return controller
    }

    var pipes: (input: PipeWriter?, output: PipeReader?, error: PipeReader?, PseudoTerminal?) {
        (input, output, error, controller)
    }

    // MARK: Its end

    /// How it ended; `nil` while it runs.
    public var exitStatus: ExitStatus? { record.withLock { $0?.status } }

    /// What it used; `nil` while it runs, and where that is not known.
    public var resourceUsage: ResourceUsage? { record.withLock { $0?.usage } }

    /// Waits for its end.
    ///
    /// Suspends until then; any number of tasks may wait, also later. Cancelling stops the waiting
    /// only: the child runs on.
    ///
    /// - Throws: `CancellationError`; ``ReactorError/Code/loopClosed``.
    ///
    /// libuv: `uv_exit_cb`, here a pidfd and `waitid`.
    @discardableResult
    public func waitUntilExit() async throws -> ExitStatus {
        try Task.checkCancellation()
        if let status = exitStatus { return status }
        let ended = ReactorError(.loopClosed, "wait for \(description)")
        let outcome: ProcessOutcome = await handle.wait(ifLoopEnded: .failed(ended)) {
            core, waiter, id, isCancelled in
            if isCancelled { waiter.resume(.cancelled) } else { core.park(waiter, id) }
        } cancel: { core, id in
            core.cancel(id)
        }
        switch outcome {
        case .ended(let end): return end.status
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// Sends it a signal.
    ///
    /// Does not suspend. It never reaches another process, even if the system has used the number
    /// again.
    ///
    /// - Throws: ``ReactorError/Code/noSuchProcess`` once it has ended;
    ///   ``ReactorError/Code/notPermitted`` for a child that has become another user;
    ///   ``ReactorError/Code/refusedArgument`` for what is no signal.
    ///
    /// libuv: `uv_process_kill`, here `pidfd_send_signal`.
    public func send(_ signal: Signal) throws(ReactorError) {
        try check(status: child.signal(signal.rawValue), "send \(signal) to \(description)")
    }

    /// Sends a signal to every process of the group that it leads: see ``Command/processGroup``.
    ///
    /// - Throws: As ``send(_:)``, and once no process of the group is left.
    ///
    /// libuv: `uv_kill`, here `kill`.
    public func sendToGroup(_ signal: Signal) throws(ReactorError) {
        try check(
            status: child.signalGroup(signal.rawValue),
            "send \(signal) to the group of \(description)")
    }

    private func check(status: Int32, _ operation: String) throws(ReactorError) {
        if status < 0 { throw ReactorError(.init(rawValue: status), operation) }
    }

    /// Asks it to end with SIGTERM, kills it with SIGKILL if it has not after `grace`, and returns
    /// how it ended.
    ///
    /// A child that leads a process group or session is told with its whole group. Suspends until
    /// it has ended, and never throws: being cleaning up, it does all of this in a cancelled task
    /// too.
    ///
    /// libuv: `uv_process_kill`.
    @discardableResult
    public func terminate(grace: Duration = .seconds(5)) async -> ExitStatus {
        handle.carry { $0.terminate(grace: grace) }
        return await end()
    }

    /// Waits for the end, deaf to cancellation.
    func end() async -> ExitStatus {
        if let status = exitStatus { return status }
        let outcome: ProcessOutcome
        if let core = handle.ifHere {
            outcome = await suspend { core.park(.here($0), .owner) }
        } else {
            let wait = RemoteWait<ProcessOutcome>()
            outcome = await wait.suspend {
                let sent = handle.loop.post { [handle] in
                    handle.here.park(.elsewhere(wait), WaitID(wait))
                }
                if !sent { wait.settle(.cancelled) }
            }
        }
        if case .ended(let end) = outcome { return end.status }
        return .unknown(.loopClosed)
    }
}

extension ChildProcess: CustomStringConvertible {}
