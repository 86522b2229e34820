// The end of any process.

/// Waits for processes that this one need not have started.
public enum ProcessWatcher {
    /// Waits for the end of a process.
    ///
    /// Its status is told if it is a child of this process that nobody has waited for; it is left
    /// for whoever started it to wait for. Of others only the end can be known: that is
    /// ``ExitStatus/unknown(_:)`` with ``ExitStatus/Reason/notOurChild``.
    ///
    /// Suspends until then. Cancelling stops the waiting only.
    ///
    /// - Throws: ``ReactorError/Code/noSuchProcess``; ``ReactorError/Code/notSupported`` where the
    ///   system has no pidfds; ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: none, here `pidfd_open` and `uv_poll_start`.
    public static func exit(of pid: Int32) async throws -> ExitStatus {
        try Task.checkCancellation()
        guard pid > 0 else {
            throw ReactorError(.invalidArgument, "wait for process \(pid)")
        }
        let loop = try EventLoop.forNewObjects()
        guard let process = try ChildHandle.open(pid) else {
            throw ReactorError(.notSupported, "wait for process \(pid)")
        }
        let watch = try await loop.make {
            LoopBound(
                try ProcessCore(process, name: "process \(pid)", .stranger, on: loop), on: loop)
        }
        let ended = ReactorError(.loopClosed, "wait for process \(pid)")
        let outcome: ProcessOutcome = await watch.wait(ifLoopEnded: .failed(ended)) {
            core, waiter, id, isCancelled in
            core.park(waiter, id)
            if isCancelled { core.cancel(id) }
        } cancel: { core, id in
            core.cancel(id)
        }
        switch outcome {
        case .ended(let end): return end.status
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }
}
