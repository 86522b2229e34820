// Where tasks go on whose loop has ended: one serial thread for the process.

import DequeModule

/// A task keeps its preferred executor for life, and a loop may end before it. Its steps then run
/// here, one at a time: on the concurrent pool an actor pinned to an ended loop overlapped itself
/// in 790 of 801 calls. Operations fail with ``ReactorError/Code/loopClosed``.
final class FallbackThread: Sendable {
    static let shared = FallbackThread()

    private struct State {
        var jobs = Deque<@Sendable () -> Void>()
        var isRunning = false
        /// The one that serves now.
        var thread: UInt?
    }

    private let state = Monitor(State())

    /// True on the thread that runs the jobs.
    static var isCurrent: Bool {
        shared.state.withLock { $0.thread } == Thread.identity
    }

    func run(_ job: @escaping @Sendable () -> Void) {
        var mustStart = false
        state.signal {
            $0.jobs.append(job)
            mustStart = !$0.isRunning
            $0.isRunning = true
        }
        guard mustStart else { return }
        do {
            try Thread.start(name: "reactor-ended") { self.serve() }
        } catch {
            // No more threads can be made: one of the concurrent pool's will do, one at a time too.
            Task.detached { self.serve() }
        }
    }

    /// Ends after a quiet second, so that nothing is left of it in a process that is done with it.
    private func serve() {
        state.withLock { $0.thread = Thread.identity }
        while true {
            let job = state.wait(limit: .seconds(1)) { $0.jobs.popFirst() }
            if let job {
                job()
            } else if state.withLock({ state in
                state.isRunning = !state.jobs.isEmpty
                if !state.isRunning { state.thread = nil }
                return !state.isRunning
            }) {
                return
            }
        }
    }
}
