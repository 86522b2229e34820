// Running a command: in a scope that ends the child, or on its own.

extension Command {
    /// Starts the child, runs `body` with it, and returns how the child ended.
    ///
    /// Its standard input and output are pipes unless the command says otherwise. The scope owns
    /// the child: when `body` returns, the pipes are closed and the child has `grace` to end by
    /// itself; then, or at once if `body` throws or the task is cancelled, it gets SIGTERM, and
    /// SIGKILL another `grace` later. To let it take its time, wait in `body` with
    /// ``ChildProcess/waitUntilExit()``. This call returns as soon as the child has ended: no
    /// orphan, no zombie, and of a ``processGroup`` that it leads nobody is left.
    ///
    /// A child that fails is no error: look at the status.
    ///
    /// - Throws: What `body` throws; what starting the child throws, see ``spawn()``;
    ///   `CancellationError`.
    ///
    /// libuv: `uv_spawn`, here `clone` and `execve`.
    @discardableResult
    public func run(
        grace: Duration = .seconds(5), _ body: (ChildProcess) async throws -> Void
    ) async throws -> ExitStatus {
        try await run(grace: grace, returning: body).status
    }

    /// ``run(grace:_:)`` that also returns what `body` does.
    ///
    /// - Throws: As ``run(grace:_:)``.
    public func run<Result>(
        grace: Duration = .seconds(5), returning body: (ChildProcess) async throws -> Result
    ) async throws -> (status: ExitStatus, result: Result) {
        try await settled(input: .pipe, output: .pipe, error: .inherit).scoped(grace, body)
    }

    /// Starts the child and waits for its end; its streams are this process's unless the command
    /// says otherwise.
    ///
    /// Cancelling ends the child: SIGTERM, then SIGKILL after `grace`.
    ///
    /// - Throws: What starting the child throws, see ``spawn()``; `CancellationError`.
    ///
    /// libuv: `uv_spawn`, here `clone` and `execve`.
    @discardableResult
    public func run(grace: Duration = .seconds(5)) async throws -> ExitStatus {
        try await settled(input: .inherit, output: .inherit, error: .inherit)
            .scoped(grace) { try await $0.waitUntilExit() }.status
    }

    /// Starts the child and leaves the rest to the caller.
    ///
    /// Its streams are this process's unless the command says otherwise. A child that is dropped
    /// runs on and is reaped; it is killed when the loop that it was started on shuts down.
    ///
    /// Suspends until the program runs; no loop is blocked meanwhile. Cancelling leaves no child.
    ///
    /// - Throws: ``ReactorError`` naming what could not be: ``ReactorError/Code/noSuchFile``,
    ///   ``ReactorError/Code/accessDenied``, ``ReactorError/Code/notExecutable`` and
    ///   ``ReactorError/Code/programBusy`` for the program;
    ///   the same and ``ReactorError/Code/notADirectory`` for the directory;
    ///   ``ReactorError/Code/argumentsTooLong``; ``ReactorError/Code/tooManyOpenFiles``;
    ///   ``ReactorError/Code/invalidArgument`` for what is refused before anything is done;
    ///   ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: `uv_spawn`, here `clone` and `execve`.
    public func spawn() async throws -> ChildProcess {
        let command = settled(input: .inherit, output: .inherit, error: .inherit)
        let child = try await Spawner.launch(command, isScoped: false)
        command.feed(child)
        return child
    }

    /// With what is not said of the three streams.
    func settled(input: StandardIO, output: StandardIO, error: StandardIO) -> Command {
        with {
            let isTerminal = terminal != nil
            $0.standardInput = standardInput ?? (isTerminal ? .terminal : input)
            $0.standardOutput = standardOutput ?? (isTerminal ? .terminal : output)
            $0.standardError = standardError ?? (isTerminal ? .terminal : error)
        }
    }

    /// Runs `body` with a child whose streams are settled; `started` is called when it has been
    /// started, or could not be.
    func scoped<Result>(
        _ grace: Duration, started: () -> Void = {},
        _ body: (ChildProcess) async throws -> Result
    ) async throws -> (status: ExitStatus, result: Result) {
        let child = try await launch(started)
        let feeding = feed(child)
        do {
            let result = try await withTaskCancellationHandler {
                try await body(child)
            } onCancel: {
                child.handle.carry { $0.terminate(grace: grace) }
            }
            try Task.checkCancellation()
            let status = await child.leave(grace: grace)
            try await feeding?.finished()
            return (status, result)
        } catch {
            feeding?.cancel()
            await child.terminate(grace: grace)
            await child.release()
            throw error
        }
    }

    private func launch(_ started: () -> Void) async throws -> ChildProcess {
        defer { started() }
        return try await Spawner.launch(self, isScoped: true)
    }

    /// Begins to write what the command says is the input.
    @discardableResult
    func feed(_ child: ChildProcess) -> Feeding? {
        guard let input = child.pipes.input else { return nil }
        switch standardInput?.kind {
        case .bytes(let bytes): return Feeding(input, child) { try await input.write(bytes) }
        case .reader(let reader):
            return Feeding(input, child) {
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while true {
                    let count = try await reader.read(into: &buffer)
                    if count == 0 { return }
                    try await Feeding.passing { try await input.write(buffer[..<count]) }
                }
            }
        default: return nil
        }
    }
}

extension ChildProcess {
    /// Closes the pipes and gives the child time to end by itself.
    fileprivate func leave(grace: Duration) async -> ExitStatus {
        if exitStatus == nil {
            await closePipes()
            if exitStatus == nil {
                handle.carry { core in core.terminate(after: grace, grace: grace) }
            }
        }
        let loop = handle
        let status = await withTaskCancellationHandler {
            await end()
        } onCancel: {
            loop.carry { $0.terminate(grace: grace) }
        }
        await release()
        return status
    }

    private func closePipes() async {
        await pipes.input?.close()
        pipes.output?.abort()
        pipes.error?.abort()
        pipes.3?.abort()
    }

    /// The scope's last act.
    fileprivate func release() async {
        pipes.input?.abort()
        pipes.output?.abort()
        pipes.error?.abort()
        pipes.3?.abort()
        handle.carry { $0.letGo() }
    }
}

/// Writing a command's input while the child runs.
struct Feeding: Sendable {
    private let task: Task<Void, any Error>

    /// The child has closed its input: not what went wrong, if anything did.
    private struct IsNotRead: Error {}

    init(
        _ input: PipeWriter, _ child: ChildProcess,
        _ body: sending @escaping () async throws -> Void
    ) {
        task = child.loop.spawn(name: "the input of \(child.description)") {
            do {
                try await body()
                try await input.finish()
            } catch is IsNotRead {
            } catch let error as ReactorError where Feeding.isNoError(error) {
            } catch {
                await input.close()
                throw error
            }
            await input.close()
        }
    }

    /// Tells a child that reads no more from a reader that fails.
    static func passing(_ write: () async throws -> Void) async throws {
        do { try await write() } catch let error as ReactorError where isNoError(error) {
            throw IsNotRead()
        }
    }

    private static func isNoError(_ error: ReactorError) -> Bool {
        [.brokenPipe, .closed, .finished].contains(error.code)
    }

    func cancel() { task.cancel() }

    /// After the child's end: a reader that brings nothing any more is not waited for.
    func finished() async throws {
        task.cancel()
        do { try await task.value } catch is CancellationError {}
    }
}
