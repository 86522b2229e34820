// What held a loop's shutdown up.

/// What the end of a loop had to wait for in vain: empty after an orderly one.
public struct ShutdownReport: Sendable, Hashable, CustomStringConvertible {
    /// A part of the end that has a limit of its own.
    public enum Phase: String, Sendable {
        /// After a signal: listeners have stopped accepting, what is under way goes on.
        case draining
        /// Tasks have been cancelled and are awaited.
        case cancelling
        /// Hooks of ``EventLoop/onShutdown(name:fileID:line:_:)`` run.
        case hooks
    }

    /// Something that was still under way when a phase's time was up.
    public struct Holdup: Sendable, Hashable, CustomStringConvertible {
        /// What it is.
        public enum Kind: String, Sendable {
            /// A task of ``EventLoop/spawn(after:name:fileID:line:_:)``, or the body of `run`.
            case task
            /// A hook of ``EventLoop/onShutdown(name:fileID:line:_:)``.
            case hook
            /// A run of `serve`, with handlers that have not ended.
            case service
            /// A stream that its handler has not let go of.
            case stream
            /// A socket that listens.
            case listener
            /// Sleeps and time limits.
            case timer
            /// A child process.
            case child
            /// Anything else that is open.
            case other
        }

        /// What it is.
        public let kind: Kind
        /// The name it was given, its address, or the place in the source where it was made.
        public let name: String
        /// The phase that it held up.
        public let phase: Phase
        /// What it waited for, as far as is known.
        public let waitingFor: String?
        /// With `REACTOR_DEBUG=1` in the environment: where in the source, as
        /// `Module/File.swift:12`.
        public internal(set) var waitsAt: String?
        /// How long it had been under way; for what is merely open, since the end began.
        public let age: Duration
        /// Where that place is looked up, once there is time.
        var calls = CallChain()

        /// `task poller still busy after 10 s, waiting for …`.
        public var description: String {
            // `the stream with …` says what it is.
            let subject = name.contains(kind.rawValue) ? name : "\(kind.rawValue) \(name)"
            var text = "\(subject) still busy after \(age.brief)"
            if let waitingFor { text += ", waiting for \(waitingFor)" }
            if let waitsAt { text += ", at \(waitsAt)" }
            return text
        }
    }

    /// The loop's name.
    public internal(set) var loop: String

    /// Who was still busy when the time of a phase was up, phase by phase, the oldest first.
    public internal(set) var holdups: [Holdup] = []

    /// How long the shutdown took, since it was asked for.
    public internal(set) var elapsed: Duration = .zero

    /// True in the report that another thread makes when the time is up and the loop's thread has
    /// not come back: one of the tasks named holds it and never yields, or one that they have
    /// begun, as the handler of a connection, which cannot be told from outside.
    ///
    /// A last report follows if the thread does come back.
    public internal(set) var isThreadHeld = false

    /// How many lines ``description`` has for one phase.
    private static let lineLimit = 20

    /// One line for each, and a count where they are very many.
    public var description: String {
        if holdups.isEmpty { return "clean shutdown of \(loop) in \(elapsed.brief)" }
        var lines = ["shutdown of \(loop) took \(elapsed.brief)"]
        if isThreadHeld {
            lines = ["shutdown of \(loop) cannot begin: a task has its thread and does not yield"]
        }
        for phase in [Phase.draining, .cancelling, .hooks] {
            let late = holdups.filter { $0.phase == phase }
            lines += late.prefix(Self.lineLimit).map { "\(phase.rawValue): \($0)" }
            if late.count > Self.lineLimit {
                lines.append("\(phase.rawValue): and \(late.count - Self.lineLimit) more")
            }
        }
        return lines.joined(separator: "\n")
    }
}

extension ShutdownReport.Holdup {
    /// `waits` are those of the loop's tasks, where they can be known.
    init(
        _ entry: LoopWork.Entry, _ phase: ShutdownReport.Phase,
        _ waits: [TaskIdentity: ParkedWait] = [:]
    ) {
        let wait = entry.task.flatMap { waits[$0] }
        self.init(
            kind: .task, name: entry.title, phase: phase, waitingFor: wait?.what,
            age: entry.since.duration(to: .now), calls: wait?.calls ?? CallChain())
    }

    init(hook name: String, since: MonotonicTime) {
        self.init(
            kind: .hook, name: name, phase: .hooks, waitingFor: nil,
            age: since.duration(to: .now))
    }

    /// A stream is held up by what its handler waits for.
    init(
        _ participant: ShutdownParticipant, _ phase: ShutdownReport.Phase, since: MonotonicTime,
        _ waits: [TaskIdentity: ParkedWait]
    ) {
        let wait = participant.handler.flatMap { waits[$0] }
        self.init(
            kind: participant.shutdownKind, name: participant.shutdownName, phase: phase,
            waitingFor: wait?.what ?? participant.shutdownWait,
            age: (participant.shutdownSince ?? since).duration(to: .now),
            calls: wait?.calls ?? CallChain())
    }
}

extension ShutdownReport {
    /// With lines for addresses, where there are any.
    var located: ShutdownReport {
        var located = self
        for (index, holdup) in holdups.enumerated() {
            located.holdups[index].waitsAt = SourceLines.frames(of: holdup.calls).first?.place
        }
        return located
    }
}

extension LoopCore {
    /// Everything of this loop that is under way now: tasks, open objects, timers.
    func holdups(_ phase: ShutdownReport.Phase, tasks: [LoopWork.Entry])
        -> [ShutdownReport.Holdup]
    {
        let since = endSince ?? .now
        let waits = parkedWaits
        var holdups = tasks.map { ShutdownReport.Holdup($0, phase, waits) }
        // What nobody waits for holds nothing up: it is closed.
        holdups += participants.all
            .filter { $0.shutdownWait != nil || $0.holdsUpShutdown }
            .map { ShutdownReport.Holdup($0, phase, since: since, waits) }
        if let wait = timers.timeToNext {
            holdups.append(
                .init(
                    kind: .timer,
                    name: timers.count == 1 ? "1 timer" : "\(timers.count) timers", phase: phase,
                    waitingFor: "the next one in \(wait.brief)",
                    age: since.duration(to: .now)))
        }
        return holdups
    }
}
