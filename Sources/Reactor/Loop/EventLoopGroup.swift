// Several loops, each on a thread of its own.

internal import Synchronization

/// A fixed number of event loops, each on its own thread.
///
/// ``shared`` serves code that runs on no loop: `static func main() async`, actors, plain tasks.
/// Make a group of your own to keep work apart, and end it with ``shutdown()``; a group that is
/// dropped asks its loops to end and does not wait for them.
public final class EventLoopGroup: Sendable {
    /// The loops, in the order of ``next()``.
    public let loops: [EventLoop]

    private let turn = Atomic(0)
    private let ending: Monitor<Ending>

    private struct Ending {
        var living: Int
        var reports: [ShutdownReport] = []
        var waiters: [RemoteWait<Void>] = []
    }

    /// As many loops as this process may use processors, started when first used; never ended.
    ///
    /// Traps if the process cannot make a loop; calls that need one throw instead.
    public static var shared: EventLoopGroup {
        do { return try sharedOrThrow() } catch {
            fatalError("the shared event loops cannot start: \(error)")
        }
    }

    private static let sharedSlot = Locked<EventLoopGroup?>(nil)

    static func sharedOrThrow() throws(ReactorError) -> EventLoopGroup {
        try sharedSlot.withLock { slot throws(ReactorError) in
            if let slot { return slot }
            let group = try EventLoopGroup(count: nil, name: "shared")
            slot = group
            return group
        }
    }

    /// Starts the loops.
    ///
    /// - Parameters:
    ///   - count: How many; by default one for each processor this process may use.
    ///   - name: Names the loops `name-0`, `name-1`, ….
    ///   - grace: The time that each loop's shutdown may take.
    /// - Throws: ``ReactorError/Code/invalidArgument`` for a count below one; libuv's code where a
    ///   loop or thread cannot be made, and then none is left.
    public convenience init(
        count: Int? = nil, name: String = "loop", grace: Duration = .seconds(10)
    ) throws(ReactorError) {
        try self.init(count: count, name: name, grace: grace, onReport: nil)
    }

    init(
        count: Int?, name: String, grace: Duration,
        onReport: (@Sendable (ShutdownReport) -> Void)?
    ) throws(ReactorError) {
        let count = count ?? Thread.processorCount
        guard count > 0 else {
            throw ReactorError(.invalidArgument, "start \(count) event loops")
        }
        let ending = Monitor(Ending(living: count))
        self.ending = ending
        var loops: [EventLoop] = []
        do throws(ReactorError) {
            for index in 0..<count {
                loops.append(
                    try EventLoop.start(
                        name: "\(name)-\(index)", grace: grace, onReport: onReport
                    ) { Self.ended($0, ending) })
            }
        } catch {
            let started = loops.count
            for loop in loops { loop.stop() }
            _ = ending.wait { count - $0.living == started ? () : nil }
            throw error
        }
        self.loops = loops
    }

    deinit { for loop in loops { loop.stop() } }

    /// The loops in turn.
    public func next() -> EventLoop {
        let count = UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue)
        return loops[Int(count % UInt(loops.count))]
    }

    /// Shuts every loop down and waits until all have: tasks spawned on them are cancelled and
    /// awaited, hooks run, everything open closes.
    ///
    /// Any number of calls may be made.
    ///
    /// Cancelling does not cut it short. Returns what each loop had to force. A task on one of
    /// these loops may ask for the shutdown, but must not wait for it: it would hold its own loop
    /// up until the grace period ends, and is then continued on the thread kept for such tasks.
    @discardableResult
    public func shutdown() async -> [ShutdownReport] {
        for loop in loops { loop.stop() }
        let wait = RemoteWait<Void>()
        await wait.suspend {
            let isOver = ending.withLock { ending in
                if ending.living > 0 { ending.waiters.append(wait) }
                return ending.living == 0
            }
            if isOver { wait.settle(()) }
        }
        return ending.withLock { $0.reports }
    }

    private static func ended(_ report: ShutdownReport, _ ending: Monitor<Ending>) {
        var waiters: [RemoteWait<Void>] = []
        ending.broadcast { ending in
            ending.living -= 1
            ending.reports.append(report)
            if ending.living == 0 { swap(&waiters, &ending.waiters) }
        }
        for waiter in waiters { waiter.settle(()) }
    }
}
