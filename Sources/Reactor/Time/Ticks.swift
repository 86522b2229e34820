// Something that happens again and again, on the loop's timers.

/// Points in time, one every so often, as a sequence.
///
/// ```swift
/// for try await _ in Ticks(every: .seconds(1)) { report() }
/// ```
///
/// The first tick comes one period after the iteration begins. Nothing runs ahead: while nobody
/// waits for a tick there is no timer, and those that have passed are a number, not a queue. Each
/// iteration has ticks of its own.
public struct Ticks: AsyncSequence, Sendable {
    /// What becomes of ticks whose time passes while nobody waits for them.
    public enum Missed: Sendable, Hashable {
        /// They are left out, but for one, which comes at once; the later ones come when they
        /// would have come.
        case skip
        /// One comes at once, and the schedule begins anew with it: a period at least lies between
        /// two ticks. It drifts by the timers' lateness.
        case delay
        /// All of them come, one after the other without a pause, until the schedule is met.
        case burst
    }

    /// The time between two ticks.
    public let period: Duration
    /// What becomes of those that nobody waited for.
    public let missed: Missed

    /// Ticks that are `period` apart.
    ///
    /// A period of zero or less counts as a nanosecond: ticks as fast as the loop turns, each of
    /// which lets others run. One too long for the clock never comes.
    public init(every period: Duration, missed: Missed = .skip) {
        self.period = period
        self.missed = missed
    }

    /// Waits for each tick in turn.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var schedule: TickSchedule

        fileprivate init(_ schedule: TickSchedule) { self.schedule = schedule }

        /// The next tick: the point in time for which it was due; never `nil`.
        ///
        /// Suspends until then, not less; with a tick that was missed it lets others run first.
        /// Cancelling ends the wait at once with `CancellationError` and loses no tick.
        ///
        /// - Throws: `CancellationError`; ``ReactorError/Code/loopClosed`` if the loop shuts down.
        ///
        /// libuv: `uv_timer_start`, one timer for all sleeps of a loop.
        public mutating func next() async throws -> LoopClock.Instant? {
            let due = schedule.due
            try await EventLoop.sleep(until: LoopClock.Instant(due))
            schedule.ticked(at: .now)
            return LoopClock.Instant(due)
        }

        /// As ``next()``.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> LoopClock.Instant? {
            try await next()
        }
    }

    /// Begins a schedule, now.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(TickSchedule(self, from: .now))
    }
}

/// When the next tick is due, given when the last one came.
struct TickSchedule {
    private let period: UInt64
    private let missed: Ticks.Missed
    private(set) var due: MonotonicTime

    init(_ ticks: Ticks, from start: MonotonicTime) {
        let origin = MonotonicTime(nanoseconds: 0)
        period = max(1, origin.advanced(by: ticks.period).nanoseconds)
        missed = ticks.missed
        due = start
        due = later(start, 1)
    }

    /// The tick that was due has been taken.
    mutating func ticked(at now: MonotonicTime) {
        switch missed {
        case .burst: due = later(due, 1)
        case .delay: due = later(now, 1)
        case .skip:
            let late = now > due ? now.nanoseconds - due.nanoseconds : 0
            let (steps, overflow) = (late / period).addingReportingOverflow(1)
            due = overflow ? .distantFuture : later(due, steps)
        }
    }

    /// The far future where the clock does not reach.
    private func later(_ time: MonotonicTime, _ steps: UInt64) -> MonotonicTime {
        let (forth, overflow) = period.multipliedReportingOverflow(by: steps)
        let (sum, beyond) = time.nanoseconds.addingReportingOverflow(forth)
        return overflow || beyond ? .distantFuture : MonotonicTime(nanoseconds: sum)
    }
}
