// Turning the calling thread into a loop's for as long as one task needs it.

extension EventLoop {
    /// ``run(name:stopOn:grace:onReport:body:)``, with whatever may ask for its end: `arrangeStop`
    /// gets the call to make for that, from any thread, and returns what is to live until then.
    static func runLoop<Result>(
        name: String?, _ place: SourcePlace, grace: Duration,
        onReport: (@Sendable (ShutdownReport) -> Void)?,
        arrangeStop: (_ request: @escaping @Sendable () -> Void) throws -> AnyObject,
        body: sending @escaping () async throws -> sending Result
    ) throws -> sending Result {
        guard CurrentLoop.loop == nil else {
            throw ReactorError(.loopRunning, "run an event loop")
        }
        let loop = try EventLoop(name: name, grace: grace, onReport: onReport)
        let runner = try LoopRunner(loop)
        let bound = LoopBound(runner, on: loop)
        let stop: AnyObject
        do {
            stop = try arrangeStop {
                loop.watchShutdown()
                // Listeners close at once, however much is ready.
                loop.postFirst { bound.here.stopRequested() }
            }
        } catch {
            runner.shutDown()
            throw error
        }
        let outcome = Outcome<Result>()
        let rootHasEnded = Flag()
        let entry = loop.work.enter(.run, name: "the body of \(loop)", place)
        let root = Task(executorPreference: loop) {
            loop.work.begins(entry)
            do { outcome.result = .success(try await loop.rooted("run on", body)) } catch {
                outcome.result = .failure(error)
            }
            loop.post {
                rootHasEnded.isSet = true
                loop.leave(entry)
                loop.stopRequest.isSet = true
            }
        }
        runner.cancelRoot = { root.cancel() }
        runner.run()
        runner.shutDown()
        withExtendedLifetime(stop) {}
        loop.deliver(runner.report)
        guard rootHasEnded.isSet else {
            throw ReactorError(.loopClosed, "wait for the body of \(loop)")
        }
        return try outcome.take()
    }

    /// Starts a loop on a thread of its own. It turns until `stop` is called. Nothing is left, and
    /// `ended` is not called, if this throws.
    static func start(
        name: String?, grace: Duration, onReport: (@Sendable (ShutdownReport) -> Void)?,
        ended: @escaping @Sendable (ShutdownReport) -> Void
    ) throws(ReactorError) -> EventLoop {
        let loop = try EventLoop(name: name, grace: grace, onReport: onReport)
        let readiness = Monitor<Swift.Result<Void, ReactorError>?>(nil)
        try Thread.start(name: loop.name) {
            let runner: LoopRunner
            do throws(ReactorError) {
                runner = try LoopRunner(loop)
                readiness.signal { $0 = .success(()) }
            } catch {
                return readiness.signal { $0 = .failure(error) }
            }
            runner.run()
            runner.shutDown()
            loop.deliver(runner.report)
            ended(runner.report)
        }
        try readiness.wait { $0 }!.get()
        return loop
    }

    /// Asks a loop of a group to shut down. Idempotent.
    func stop() {
        watchShutdown()
        let flag = stopRequest
        post { flag.isSet = true }
    }
}

/// Carries the root task's result out of it.
///
/// Unchecked: written by the loop's thread, read by the same thread after the last turn.
private final class Outcome<Value>: @unchecked Sendable {
    var result: Result<Value, any Error>?
    func take() throws -> sending Value {
        let taken = Unchecked(result.take()!)
        return try taken.value.get()
    }
}

/// A value on its way.
///
/// Unchecked: it is handed over, not shared; the one who makes it lets go of it.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
