// Signals as values.

import Foundation
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct SignalTests {
    @Test func `a signal prints as the system names it`() {
        #expect(Signal.terminate.description == "SIGTERM")
        #expect("\(Signal.interrupt), \(Signal.user2)" == "SIGINT, SIGUSR2")
        #expect(Signal(rawValue: 40).description == "signal 40")
        #expect(Signal(rawValue: -1).description == "signal -1")
    }

    @Test func `a signal's number is the system's`() {
        #expect(Signal.terminate.rawValue == SIGTERM)
        #expect(Signal.user1.rawValue == SIGUSR1)
        #expect(Signal(rawValue: SIGWINCH) == .windowChanged)
    }
}
