// The clock that other tests rely on.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ManualClockTests {
    @Test func `a sleeper wakes when the clock has come to its deadline`() async throws {
        let clock = ManualClock()
        let sleeper = Task { try await clock.sleep(for: .seconds(10)) }
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(9_999))
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .milliseconds(1))
        #expect(clock.sleeperCount == 0)
        try await sleeper.value
    }

    @Test func `cancelling wakes a sleeper, also before it lies down`() async {
        let clock = ManualClock()
        let early = Task { try await clock.sleep(for: .seconds(1)) }
        early.cancel()
        let late = Task { try await clock.sleep(for: .seconds(1)) }
        await clock.waitForSleepers()
        late.cancel()
        await #expect(throws: CancellationError.self) { try await early.value }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(clock.sleeperCount == 0)
    }
}
