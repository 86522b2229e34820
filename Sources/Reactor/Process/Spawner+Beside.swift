// The short way: the child is begun on the loop's thread, and makes its way beside it.

internal import Synchronization

extension Spawner {
    /// Nanoseconds of the clock until which children are begun on the pool's threads.
    private static let pause = Atomic<UInt64>(0)

    /// True if children were ever left to the pool for that.
    static var hasPaused: Bool { pause.load(ordering: .relaxed) != 0 }

    /// True if nothing that the command needs can hold up the loop.
    ///
    /// `clone` alone is done on it, which takes some 40 microseconds. Files, which may be on a
    /// network or a FIFO, users, who may be asked for there too, and terminals are for the pool,
    /// and so is a parent-death signal: the loop's thread may end before the process.
    static func mayStartBeside(_ command: Command, _ loop: EventLoop) -> Bool {
        guard loop.isCurrent, forced != "thread", command.parentDeathSignal == nil,
            command.terminal == nil
        else { return false }
        if case .name = command.user?.kind { return false }
        for stream in [command.standardInput, command.standardOutput, command.standardError] {
            if case .file = stream?.kind { return false }
        }
        let pause = pause.load(ordering: .relaxed)
        return pause == 0 || MonotonicTime.now.nanoseconds >= pause
    }

    /// Starts a child from its loop's thread. `nil` where the system cannot.
    static func launchBeside(
        _ command: Command, _ isScoped: Bool, on loop: EventLoop
    ) async throws -> ChildProcess? {
        let launch: LoopBound<LaunchCore>
        do { launch = try begin(command, on: loop) } catch let failure as SpawnRequest.Failure {
            assert(failure.isNotHere)
            pause.store(.max, ordering: .relaxed)
            return nil
        }
        let ended = ReactorError(.loopClosed, "run \(command.shownProgram)")
        let outcome: LaunchOutcome = await launch.wait(ifLoopEnded: .failed(ended)) {
            core, waiter, _, isCancelled in
            if isCancelled { core.stop() }
            core.park(waiter)
        } cancel: { core, _ in
            core.stop()
        }
        switch outcome {
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        case .launched(let launched):
            return try await loop.make {
                try ChildProcess(launched, command, isScoped: isScoped, on: loop)
            } ifEnded: {
                launched.discard()
            }
        }
    }

    /// A process with very many descriptors, or a machine that is too busy, can make `clone` slow:
    /// then the pool's threads do it for a second.
    private static func begin(
        _ command: Command, on loop: EventLoop
    ) throws -> LoopBound<LaunchCore> {
        let start = MonotonicTime.now
        defer {
            let now = MonotonicTime.now
            if start.duration(to: now) > .milliseconds(5) {
                let end = now.nanoseconds + 1_000_000_000
                pause.store(end, ordering: .relaxed)
            }
        }
        return LoopBound(try LaunchCore(command, on: loop), on: loop)
    }
}
