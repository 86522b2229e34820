// Running a loop, or several, until the work is done or a signal asks for the end.

extension EventLoop {
    /// Runs `body` as the root task of a new loop on the calling thread, and returns its result
    /// once the loop has shut down.
    ///
    /// When `body` ends, what it left behind is ended too: tasks from
    /// ``spawn(after:name:fileID:line:_:)`` are cancelled and awaited,
    /// ``onShutdown(name:fileID:line:_:)`` hooks run, everything open closes. That may take as long
    /// as `grace`; who needed longer is named in the report.
    ///
    /// With `stopOn` the end can be asked for from outside. At the first of these signals listeners
    /// on the loop stop listening, before anything else that is ready there runs. Connections in
    /// the kernel's backlog are taken by the `serve` of their listener, where its limit has room
    /// for them at that moment; others that nobody has taken are reset, and their clients may turn
    /// to another server at once. Every `serve` on the loop, or called from it, lets its
    /// handlers end and then returns without an error: a `body` that serves ends by itself, and the
    /// result is its own. Handlers that have not ended when a twentieth of the grace is left are
    /// cancelled, as those of idle connections are. Other code may listen too, with ``Signals``.
    /// When `grace` is over the root task and what was spawned are
    /// cancelled; a second later (or after `grace` again, where that is shorter) what is left is
    /// aborted. A second signal goes straight to the cancelling, a third one to the end.
    ///
    /// A task that never yields keeps the loop's thread, and so the process: when the time is up
    /// the report says so, from another thread.
    ///
    /// On the process's main thread the loop also serves Dispatch's main queue, so `@MainActor`
    /// code keeps running while this call blocks the thread.
    ///
    /// - Parameters:
    ///   - name: The loop's name.
    ///   - stopOn: The signals that ask for the end; while this runs they do nothing else.
    ///   - grace: The time that shutting down may take.
    ///   - onReport: Gets the report when the loop has shut down, or from another thread if the
    ///     loop's does not come back. Without it a report that names somebody is logged.
    ///   - body: The root task.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; ``ReactorError/Code/loopRunning`` on a thread that is a loop's
    ///   already; ``ReactorError/Code/invalidArgument`` for a signal that cannot be caught;
    ///   ``ReactorError/Code/loopClosed`` if `body` had to be left behind; libuv's code where no
    ///   loop can be made.
    ///
    /// libuv: `uv_run`.
    @available(*, noasync, message: "await the work instead: a loop is running already")
    public static func run<Result>(
        name: String? = nil, stopOn: [Signal] = [], grace: Duration = .seconds(10),
        onReport: (@Sendable (ShutdownReport) -> Void)? = nil,
        fileID: String = #fileID, line: Int = #line,
        body: sending @escaping () async throws -> sending Result
    ) throws -> sending Result {
        try runLoop(
            name: name, SourcePlace(fileID, line), grace: grace, onReport: onReport,
            arrangeStop: { try StopSignals($0, stopOn) }, body: body)
    }
}

extension EventLoopGroup {
    /// Runs `body` on a new loop on the calling thread, beside a new group of `count` loops, and
    /// returns its result when all of them have shut down: the multi-core form of
    /// ``EventLoop/run(name:stopOn:grace:onReport:body:)``.
    ///
    /// `body` gets the group: pass it to `serve(on:)`. A signal of `stopOn` stops all loops
    /// together, in the same steps.
    ///
    /// - Parameters:
    ///   - count: How many loops; by default one for each processor this process may use.
    ///   - name: Names the loops.
    ///   - stopOn: The signals that ask for the end.
    ///   - grace: The time that shutting down may take.
    ///   - onReport: Gets the report of each loop, on its thread. Without it reports that name
    ///     somebody are logged.
    ///   - body: The root task.
    /// - Throws: What `body` throws; what making the loops throws; as
    ///   ``EventLoop/run(name:stopOn:grace:onReport:body:)``.
    @available(*, noasync, message: "await the work instead: a loop is running already")
    public static func run<Result>(
        count: Int? = nil, name: String = "loop", stopOn: [Signal] = [],
        grace: Duration = .seconds(10),
        onReport: (@Sendable (ShutdownReport) -> Void)? = nil,
        fileID: String = #fileID, line: Int = #line,
        body: sending @escaping (EventLoopGroup) async throws -> sending Result
    ) throws -> sending Result {
        try EventLoop.run(
            name: "\(name)-main", stopOn: stopOn, grace: grace, onReport: onReport,
            fileID: fileID, line: line
        ) {
            let group = try EventLoopGroup(
                count: count, name: name, grace: grace, onReport: onReport)
            EventLoop.current?.follow(group.loops)
            let outcome: Swift.Result<Result, any Error>
            do { outcome = .success(try await body(group)) } catch { outcome = .failure(error) }
            await group.shutdown()
            return try outcome.get()
        }
    }
}

/// Signals that ask for a stop, for as long as this lives.
private final class StopSignals {
    private let inbox: SignalInbox?

    init(_ request: @escaping @Sendable () -> Void, _ signals: [Signal]) throws(ReactorError) {
        guard !signals.isEmpty else {
            inbox = nil
            return
        }
        let inbox = SignalInbox(try Signals.mask(of: signals)) { _ in request() }
        try SignalDispatcher.shared.add(inbox)
        self.inbox = inbox
    }

    deinit {
        if let inbox { SignalDispatcher.shared.remove(inbox) }
    }
}
