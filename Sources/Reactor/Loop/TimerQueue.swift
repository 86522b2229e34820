// Every deadline of one loop, over the single `uv_timer_t` that wakes it.
//
// libuv's own timers will not do: its clock is floored to milliseconds, so they may fire early
// (PITFALLS D5), one that re-arms itself starves the loop (D4), and each costs a handle. Here a
// timer is a slot in an array; what is due is decided by CLOCK_MONOTONIC in nanoseconds, outside
// libuv's callbacks.

/// What happens when a deadline comes.
enum TimerAction {
    case wake(Waiter<WaitEnd>)
    /// Dropped when the loop ends first.
    case call(() -> Void)
    case ring(any Bell)
}

/// How a wait for time ended.
enum WaitEnd: Sendable {
    case done, cancelled, loopClosed
}

/// Something that a deadline sets off.
protocol Bell: AnyObject {
    /// Called on the loop's thread: `done`, or `loopClosed` where the loop's end came first.
    func ring(_ end: WaitEnd)

    /// The task that set the limit, and the one that runs under it in its place.
    var tasks: (principal: TaskIdentity?, deputy: TaskIdentity?) { get }
}

/// Belongs to its loop's thread.
final class TimerQueue {
    private let confined = Cell(TimerWheel<TimerAction>())
    private let uv: UVLoop
    private var timer: UVTimer?
    /// What `timer` is set for; `.max` when it is not.
    private var armed = UInt64.max
    private let alarm = Alarm()

    /// Set in libuv's callback, read after the poll.
    private final class Alarm { var hasRung = false }

    init(on uv: UVLoop) { self.uv = uv }

    deinit { confined.free() }

    /// Checks for overlapping access would cost as much as starting a timer.
    @inline(__always)
    private var wheel: TimerWheel<TimerAction> {
        _read { yield confined.state }
        _modify { yield &confined.state }
    }

    /// How many timers wait.
    var count: Int { wheel.count }

    /// How long it is until the next one, about; `nil` without any.
    var timeToNext: Duration? {
        wheel.nextDeadline.map {
            max(.zero, MonotonicTime.now.duration(to: MonotonicTime(nanoseconds: $0)))
        }
    }

    /// At most `limit` of the timers that wait.
    func each(limit: Int, _ visit: (PendingTimer) -> Void) {
        var left = limit
        wheel.each { deadline, began, action in
            guard left > 0 else { return false }
            left -= 1
            visit(PendingTimer(MonotonicTime(nanoseconds: deadline), began, action))
            return true
        }
    }

    /// `now` where somebody waits.
    @discardableResult
    func add(
        _ deadline: MonotonicTime, _ action: consuming TimerAction, at now: CoarseTime = .unknown
    ) -> TimerID {
        let id = wheel.reserve()
        wheel.start(id, deadline.nanoseconds, action, at: now)
        return id
    }

    /// A name for a timer that starts later, or is given back with `release`.
    @inline(__always)
    func reserve() -> TimerID { wheel.reserve() }

    func release(_ id: TimerID) { wheel.release(id) }

    func start(
        _ id: TimerID, _ deadline: MonotonicTime, _ action: consuming TimerAction,
        at now: CoarseTime
    ) {
        wheel.start(id, deadline.nanoseconds, action, at: now)
    }

    /// Takes a timer out and returns what it would have done; `nil` if it is done already, or not
    /// started yet.
    func cancel(_ id: TimerID) -> TimerAction? { wheel.cancel(id) }

    // MARK: Firing

    /// Sets the libuv timer for the earliest deadline. Called once a turn, before the poll.
    @inline(__always)
    func arm() {
        guard let next = wheel.nextDeadline else { return }
        if next < armed { arm(for: next) }
    }

    private func arm(for deadline: UInt64) {
        if timer == nil {
            // Up to 1.44 a turn runs libuv's timers before its poll too, which must not block then:
            // what is due is acted on after the turn.
            timer = UVTimer(on: uv) { [alarm, uv] in
                alarm.hasRung = true
                uv.endTurn()
            }
        }
        uv.refreshClock()
        // libuv compares floored milliseconds: the deadline's are rounded up to meet them.
        let due = deadline / 1_000_000 + (deadline % 1_000_000 == 0 ? 0 : 1)
        let now = uv.nowMilliseconds
        // A day at most: later deadlines are armed again then, and nothing overflows.
        timer?.start(milliseconds: min(due > now ? due - now : 0, 86_400_000))
        armed = deadline
    }

    /// Acts on every deadline that has come, where libuv's timer has rung. At most those that were
    /// made before: a timer set from here waits for the next turn.
    @inline(__always)
    func fireDue() {
        if alarm.hasRung { fire() }
    }

    private func fire() {
        alarm.hasRung = false
        armed = .max
        let now = MonotonicTime.now.nanoseconds
        let newest = wheel.newest
        while let action = wheel.popDue(now, madeUntil: newest) {
            switch action {
            case .wake(let waiter): waiter.resume(.done)
            case .call(let call): call()
            case .ring(let bell): bell.ring(.done)
            }
        }
    }

    /// Ends every wait with `loopClosed`, drops every call, closes the libuv timer.
    func shutDown() {
        while let action = wheel.popFirst() {
            switch action {
            case .wake(let waiter): waiter.resume(.loopClosed)
            case .call: break
            case .ring(let bell): bell.ring(.loopClosed)
            }
        }
        timer?.close()
        timer = nil
    }
}
