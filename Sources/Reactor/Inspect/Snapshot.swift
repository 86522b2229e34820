// Everything that is under way on a loop, at one moment.

/// What runs on a loop, what it waits for and since when, and what is open there.
///
/// A value: print it, compare it, encode it (``json`` needs no Foundation). Taking one costs about
/// a microsecond for each line of it; nothing is noted beforehand that the loop would not keep
/// anyway.
public struct LoopSnapshot: Sendable, Hashable, Codable {
    /// The loop's name.
    public internal(set) var loop: String
    /// Its ``EventLoop/id``.
    public internal(set) var id: Int
    /// True if the loop's thread did not answer in time: a task holds it and does not yield.
    ///
    /// Then only ``tasks`` is filled in, and what they wait for is not known.
    public internal(set) var isThreadHeld = false
    /// What the loop counts; `nil` if its thread is held.
    public internal(set) var statistics: LoopStatistics?
    /// Tasks that were started through this library, the oldest first: the body of `run`, those of
    /// `spawn` and `submit`, and the connections of `serve`.
    public internal(set) var tasks: [Task] = []
    /// Waits that are under way on this loop, those of other tasks and other loops' included.
    public internal(set) var operations: [Operation] = []
    /// What is open: streams, listeners, sockets, children, attempts to connect, waits.
    public internal(set) var handles: [Handle] = []
    /// Sleeps, time limits and the library's own timers, the next one first.
    public internal(set) var timers: [Timer] = []
    /// Child processes, and other processes whose end is awaited.
    public internal(set) var children: [Child] = []
    /// How many entries were left out, because a list would have been longer than the limit.
    public internal(set) var omitted = 0

    /// A task that was started through this library.
    public struct Task: Sendable, Hashable, Codable {
        /// `run`, `spawn`, `submit` or `connection`.
        public internal(set) var kind: String
        /// The name it was given; for a connection, its peer; else the place.
        public internal(set) var name: String
        /// Where it was started, as `Module/File.swift:12`.
        public internal(set) var madeAt: String?
        /// What it waits for; `nil` if it is running, or waits for something that is not this
        /// library's, or for tasks of its own.
        public internal(set) var waitsFor: String?
        /// With `REACTOR_DEBUG=1` in the environment: where in the source, as
        /// `Module/File.swift:12`.
        public internal(set) var waitsAt: String?
        var ageSeconds: Seconds
        var waitingSeconds: Seconds?

        /// How long ago it was started.
        public var age: Duration { ageSeconds.duration }
        /// How long it has waited, as far as is known: for a connection's bytes, since some came.
        public var waiting: Duration? { waitingSeconds?.duration }
    }

    /// A wait that is under way.
    public struct Operation: Sendable, Hashable, Codable {
        /// What for, and of whom: `bytes from 127.0.0.1:4711`.
        public internal(set) var what: String
        /// The name of the task that waits; `nil` if it was not started through this library.
        public internal(set) var task: String?
        /// With `REACTOR_DEBUG=1` in the environment: where in the source, as
        /// `Module/File.swift:12`.
        public internal(set) var waitsAt: String?
        /// Likewise who waits for whom, from the function that waits to the task's first, without
        /// this library's own: `handle(_:) at App/Server.swift:12`.
        public internal(set) var backtrace: [String] = []
        var waitingSeconds: Seconds?

        /// How long, as far as is known.
        public var waiting: Duration? { waitingSeconds?.duration }
    }

    /// Something that is open.
    public struct Handle: Sendable, Hashable, Codable {
        /// `stream`, `listener`, `service`, `socket`, `child`, `connect`, `signals`, `wait`.
        public internal(set) var kind: String
        /// What it is, with its address, path or process.
        public internal(set) var name: String
        /// Where it was made, where that is known.
        public internal(set) var madeAt: String?
        /// Of a stream: bytes that have come and that nobody has read.
        public internal(set) var unreadBytes: Int?
        /// Of a stream: bytes that were written and have not left.
        public internal(set) var unsentBytes: Int?
        var ageSeconds: Seconds

        /// How long it has been open, to 17 ms.
        public var age: Duration { ageSeconds.duration }
    }

    /// A timer.
    public struct Timer: Sendable, Hashable, Codable {
        /// `sleep`, `time limit` or `internal`.
        public internal(set) var kind: String
        /// The name of the task that sleeps, or has set the limit; `nil` if it was not started
        /// through this library.
        public internal(set) var task: String?
        var dueSeconds: Seconds

        /// How long until it is due.
        public var due: Duration { dueSeconds.duration }
    }

    /// A process.
    public struct Child: Sendable, Hashable, Codable {
        /// Its number.
        public internal(set) var pid: Int32
        /// Its program.
        public internal(set) var name: String
        /// Where it was started, where that is known.
        public internal(set) var madeAt: String?
        /// `running`, `terminating` or `ended`.
        public internal(set) var state: String
        /// How many tasks wait for its end.
        public internal(set) var waiters: Int
        var ageSeconds: Seconds

        /// How long ago it was started, or its watch began.
        public var age: Duration { ageSeconds.duration }
    }

    /// As one line of JSON.
    ///
    /// The same as `JSONEncoder` makes of it, in the order of the properties. Durations are
    /// numbers of seconds.
    public var json: String { JSONText.encode(self) }
}

extension EventLoop {
    /// What runs, waits and is open on this loop now.
    ///
    /// Callable from any thread or task. On the loop's own thread it does not suspend; elsewhere
    /// until the loop gets to it, at most `patience`: a loop whose thread is held by a task is
    /// described from outside (``LoopSnapshot/isThreadHeld``). Cancelling ends the wait with
    /// `CancellationError`.
    ///
    /// With `REACTOR_DEBUG=1` in the environment each wait is told with its line and its callers.
    /// They are looked up in the program's debug information on another thread, which may take a
    /// second the first time; the call suspends until then. An optimised program has fewer
    /// functions than its source: what was inlined is told by the function that it is part of.
    ///
    /// - Parameters:
    ///   - limit: How long each list may get; the loop does nothing else meanwhile.
    ///   - patience: How long the loop has to answer.
    /// - Throws: ``ReactorError/Code/loopClosed`` if the loop has ended; `CancellationError`.
    public func snapshot(
        limit: Int = 10_000, patience: Duration = .milliseconds(500)
    ) async throws -> LoopSnapshot {
        if isCurrent {
            return try await answer { LoopSnapshot.Draft(self, limit: limit) }.finished()
        }
        try Task.checkCancellation()
        let ended = ReactorError(.loopClosed, "take a snapshot of \(name)")
        let inquiry = Inquiry<LoopSnapshot.Draft>()
        let deadline = MonotonicTime.now.advanced(by: patience)
        let watch = StuckWatch.shared.add(deadline) { [self] in
            inquiry.settle(.success(LoopSnapshot.Draft(fromOutside: self, limit: limit)))
        }
        defer { StuckWatch.shared.remove(watch) }
        return try await inquiry.run {
            let sent = post {
                inquiry.settle(
                    self.core.isClosed
                        ? .failure(ended) : .success(LoopSnapshot.Draft(self, limit: limit)))
            }
            if !sent { inquiry.settle(.failure(ended)) }
        }.finished()
    }
}
