// Turning the calling thread into a loop's for as long as one task needs it.

extension EventLoop {
    /// Runs `body` as the root task of a new loop on the calling thread, and returns its result
    /// once the loop has shut down.
    ///
    /// When `body` ends, what it left behind is ended too: tasks from
    /// ``spawn(after:name:fileID:line:_:)`` are cancelled and awaited,
    /// ``onShutdown(name:fileID:line:_:)`` hooks run, everything open closes. That may take as long
    /// as `grace`; who needed longer is named in the report.
    ///
    /// On the process's main thread the loop also serves Dispatch's main queue, so `@MainActor`
    /// code keeps running while this call blocks the thread.
    ///
    /// - Parameters:
    ///   - name: The loop's name.
    ///   - grace: The time that shutting down may take.
    ///   - onReport: Gets the report when the loop has shut down. Without it a report that names
    ///     somebody is logged.
    ///   - body: The root task. Cancelling is up to it; nobody else holds it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; ``ReactorError/Code/loopRunning`` on a thread that is a loop's
    ///   already; libuv's code where no loop can be made.
    ///
    /// libuv: `uv_run`.
    @available(*, noasync, message: "await the work instead: a loop is running already")
    public static func run<Result>(
        name: String? = nil, grace: Duration = .seconds(10),
        onReport: ((ShutdownReport) -> Void)? = nil,
        body: sending @escaping () async throws -> sending Result
    ) throws -> sending Result {
        guard CurrentLoop.loop == nil else {
            throw ReactorError(.loopRunning, "run an event loop")
        }
        let loop = try EventLoop(name: name)
        let runner = try LoopRunner(loop, grace: grace)
        let outcome = Outcome<Result>()
        let hasEnded = Flag()
        Task(executorPreference: loop) {
            do { outcome.result = .success(try await loop.rooted("run on", body)) } catch {
                outcome.result = .failure(error)
            }
            loop.post { hasEnded.isSet = true }
        }
        runner.run(until: hasEnded)
        runner.shutDown()
        report(runner.report, of: loop, onReport)
        return try outcome.take()
    }

    private static func report(
        _ report: ShutdownReport, of loop: EventLoop, _ onReport: ((ShutdownReport) -> Void)?
    ) {
        if let onReport {
            onReport(report)
        } else if !report.holdups.isEmpty {
            Log.logger.warning("shutting down \(loop): \(report)")
        }
    }

    /// Starts a loop on a thread of its own. It turns until `stop` is called. Nothing is left, and
    /// `ended` is not called, if this throws.
    static func start(
        name: String?, grace: Duration, ended: @escaping @Sendable (ShutdownReport) -> Void
    ) throws(ReactorError) -> EventLoop {
        let loop = try EventLoop(name: name)
        let readiness = Monitor<Swift.Result<Void, ReactorError>?>(nil)
        try Thread.start(name: loop.name) {
            let runner: LoopRunner
            do throws(ReactorError) {
                runner = try LoopRunner(loop, grace: grace)
                readiness.signal { $0 = .success(()) }
            } catch {
                return readiness.signal { $0 = .failure(error) }
            }
            runner.run(until: loop.stopRequest)
            runner.shutDown()
            report(runner.report, of: loop, nil)
            ended(runner.report)
        }
        try readiness.wait { $0 }!.get()
        return loop
    }

    /// Asks a loop of a group to shut down. Idempotent.
    func stop() {
        let flag = stopRequest
        post { flag.isSet = true }
    }
}

/// Carries the root task's result out of it: written by the loop's thread, read by the same
/// thread after the last turn.
private final class Outcome<Value>: @unchecked Sendable {
    var result: Result<Value, any Error>?
    func take() throws -> sending Value {
        let taken = Unchecked(result.take()!)
        return try taken.value.get()
    }
}

/// A value handed over, not shared: the one who makes it lets go of it.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
