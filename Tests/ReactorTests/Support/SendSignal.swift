// Sending signals to this process: for exit tests, which have one of their own.

import Foundation

@testable import Reactor

/// Sends a signal to this process.
func send(_ number: Int32) { kill(getpid(), number) }

/// Sends one to this thread, whose handler has run when this returns.
func raiseHere(_ number: Int32) {
    unblock(number)
    raise(number)
}

private func change(_ how: Int32, _ number: Int32) {
    // SAFETY: a set of this function's own.
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, number)
    unsafe pthread_sigmask(how, &set, nil)
}

/// Tests may have been started from a thread that blocks most signals.
func unblock(_ number: Int32) { change(SIG_UNBLOCK, number) }
func block(_ number: Int32) { change(SIG_BLOCK, number) }

extension Signals {
    /// Sends signals, and lets the dispatcher's thread pass them on.
    ///
    /// The second probe has come only when the round of the first one is over.
    func settle(after numbers: Int32...) async throws {
        let probe = try Signals(.windowChanged)
        numbers.forEach(raiseHere)
        for _ in 0..<2 {
            raiseHere(SIGWINCH)
            _ = try await probe.next()
        }
    }
}
