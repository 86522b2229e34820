// The loops' statistics as metrics of swift-metrics; only with the package trait `Metrics`.

#if Metrics
public import CoreMetrics

/// Records what every loop of this process counts, again and again, with swift-metrics.
///
/// ```swift
/// EventLoop.current?.spawn(name: "metrics") {
///     try await LoopMetrics().run(every: .seconds(10))
/// }
/// ```
///
/// All metrics have the dimension `loop`, the loop's name: give loops names that differ.
///
/// - `reactor_loop_turns`, `reactor_loop_jobs`, `reactor_loop_accept_backoffs`: counters of what
///   ``LoopStatistics`` counts.
/// - `reactor_loop_lag_seconds`: ``LoopStatistics/lag``, a gauge. For a loop that does not answer
///   it is how long it has not, so that it shows while the loop is held up.
/// - `reactor_loop_ready`, `reactor_loop_tasks`: gauges of ``LoopStatistics/readyJobs`` and
///   ``LoopStatistics/tasks``.
/// - `reactor_loop_handles`: a gauge for each kind of libuv's handles, in the dimension `kind`.
///
/// Needs the package trait `Metrics`, which is off by default.
public struct LoopMetrics: Sendable {
    /// How long a loop may take to answer until it counts as held up.
    private static let patience = Duration.seconds(1)

    private let factory: any MetricsFactory

    /// Records with `factory`; by default with what `MetricsSystem` was bootstrapped with.
    ///
    /// - Parameter factory: Makes the metrics.
    public init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
    }

    /// Records at once, and then each time `period` has passed, until it is cancelled.
    ///
    /// Finds loops that begin later by itself. Counters count from the beginning of this call, or
    /// of the loop if that is later. The metrics of a loop that has ended are destroyed, and all of
    /// them at the end of this call: run it once in a process.
    ///
    /// Suspends until it is cancelled, which ends it at once with `CancellationError`. A loop that
    /// does not answer holds up a reading for a second at most; the readings missed meanwhile are
    /// left out. Run it on a loop that nothing holds up, or one of its own.
    ///
    /// - Parameter period: More than zero.
    /// - Throws: `CancellationError`; ``ReactorError/Code/invalidArgument`` for a period of zero or
    ///   less; ``ReactorError/Code/loopClosed`` if the loop that it runs on shuts down.
    ///
    /// libuv: `uv_timer_start`, one timer for all sleeps of a loop.
    public func run(every period: Duration) async throws {
        try Task.checkCancellation()
        guard period > .zero else {
            throw ReactorError(.invalidArgument, "record metrics every \(period)")
        }
        var series: [EventLoop: LoopSeries] = [:]
        defer { for one in series.values { one.destroy() } }
        var ticks = Ticks(every: period).makeAsyncIterator()
        var isFirst = true
        repeat {
            let readings = await Self.read(EventLoop.running)
            try Task.checkCancellation()
            for (loop, one) in series where readings[loop] == nil {
                one.destroy()
                series[loop] = nil
            }
            for (loop, reading) in readings {
                var one = series[loop] ?? LoopSeries(loop.name, factory, isNew: !isFirst)
                one.record(reading)
                series[loop] = one
            }
            isFirst = false
        } while try await ticks.next() != nil
    }

    /// Asks all loops at once; those that have ended are left out.
    private static func read(_ loops: [EventLoop]) async -> [EventLoop: LoopReading] {
        await withTaskGroup(of: (EventLoop, LoopReading?).self) { group in
            for loop in loops {
                group.addTask { (loop, await read(loop)) }
            }
            var readings: [EventLoop: LoopReading] = [:]
            for await (loop, reading) in group { readings[loop] = reading }
            return readings
        }
    }

    private static func read(_ loop: EventLoop) async -> LoopReading? {
        let asked = LoopClock.Instant.now
        do {
            return .statistics(try await withTimeout(patience) { try await loop.statistics })
        } catch is TimeoutError {
            return .silent(since: asked)
        } catch {
            return nil
        }
    }
}

/// What a loop answered when it was asked.
private enum LoopReading: Sendable {
    case statistics(LoopStatistics)
    case silent(since: LoopClock.Instant)
}

/// The metrics of one loop.
private struct LoopSeries {
    private let name: String
    private let factory: any MetricsFactory
    private let turns: Counter
    private let jobs: Counter
    private let backOffs: Counter
    private let lag: Gauge
    private let ready: Gauge
    private let tasks: Gauge
    private var handles: [String: Gauge] = [:]
    /// The statistics up to which the counters have counted.
    private var counted: LoopStatistics?
    /// Whether they count from the loop's beginning, not from the first reading.
    private let isNew: Bool
    private var silentSince: LoopClock.Instant?

    init(_ name: String, _ factory: any MetricsFactory, isNew: Bool) {
        self.name = name
        self.factory = factory
        self.isNew = isNew
        let loop = [("loop", name)]
        turns = Counter(label: "reactor_loop_turns", dimensions: loop, factory: factory)
        jobs = Counter(label: "reactor_loop_jobs", dimensions: loop, factory: factory)
        backOffs = Counter(
            label: "reactor_loop_accept_backoffs", dimensions: loop, factory: factory)
        lag = Gauge(label: "reactor_loop_lag_seconds", dimensions: loop, factory: factory)
        ready = Gauge(label: "reactor_loop_ready", dimensions: loop, factory: factory)
        tasks = Gauge(label: "reactor_loop_tasks", dimensions: loop, factory: factory)
    }

    mutating func record(_ reading: LoopReading) {
        switch reading {
        case .statistics(let statistics):
            silentSince = nil
            record(statistics)
        case .silent(let asked):
            let since = silentSince ?? asked
            silentSince = since
            lag.record(since.duration(to: .now) / .seconds(1))
        }
    }

    private mutating func record(_ now: LoopStatistics) {
        let last = counted ?? (isNew ? nil : now)
        turns.increment(by: Int64(clamping: now.turns - (last?.turns ?? 0)))
        jobs.increment(by: Int64(clamping: now.jobs - (last?.jobs ?? 0)))
        backOffs.increment(by: Int64(clamping: now.acceptBackOffs - (last?.acceptBackOffs ?? 0)))
        counted = now
        lag.record(now.lag / .seconds(1))
        ready.record(Int64(now.readyJobs))
        tasks.record(Int64(now.tasks))
        for (kind, count) in now.handles {
            let gauge =
                handles[kind]
                ?? Gauge(
                    label: "reactor_loop_handles", dimensions: [("loop", name), ("kind", kind)],
                    factory: factory)
            handles[kind] = gauge
            gauge.record(Int64(count))
        }
    }

    func destroy() {
        for counter in [turns, jobs, backOffs] { counter.destroy() }
        for gauge in [lag, ready, tasks] + handles.values { gauge.destroy() }
    }
}
#endif
