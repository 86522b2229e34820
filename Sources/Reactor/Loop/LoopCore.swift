// What one loop's thread keeps to itself: libuv's loop, the timer queue, the read buffer.

/// Reached through ``EventLoop/core``, which checks the thread.
final class LoopCore {
    let uv: UVLoop
    let timers: TimerQueue
    /// Where incoming bytes land before they are copied to their size: one for all streams of the
    /// loop, so an idle connection holds no buffer.
    let landing: BorrowedMemory
    /// The same for datagrams, made when the first socket for them is opened.
    lazy var datagrams = DatagramLanding()
    var participants = ParticipantList()
    /// True once the loop's end has closed everything: nothing new may be opened.
    var isClosed = false
    /// Set once a signal has asked for the end.
    var stopping: Stopping?
    /// Since when the loop is to end.
    var endSince: MonotonicTime?
    /// Loops that stop when this one does.
    var followers: [EventLoop] = []
    /// Who has held the end up so far.
    var late: [ShutdownReport.Holdup] = []
    /// Failures to accept so far.
    var acceptBackOffs: UInt64 = 0
    /// The timers of streams that may not be idle for ever; few streams have one.
    var idleTimers: [ObjectIdentifier: TimerID] = [:]
    /// Bytes that streams have passed on without this process touching them, and with.
    var transfers = Transfers()
    private var waits: UInt64 = 0
    /// What has landed for tasks since they last ran: bytes, and as much again for each wake.
    private var landed = 0
    /// In a cell, because it is touched in every turn.
    let meter = Cell(LoopMeter())
    /// Who is told of slow turns and steps.
    var slowJobs = SlowJobs()
    /// Empty unless `REACTOR_DEBUG=1`.
    var lastSteps = LastSteps()

    /// How often the loop has polled.
    var turns: UInt64 { meter.state.turns }
    /// How many steps it has run.
    var jobs: UInt64 { meter.state.jobs }

    init() throws(ReactorError) {
        uv = try UVLoop()
        timers = TimerQueue(on: uv)
        landing = .allocate(count: 64 * 1024)
        meter.state.timesSteps = Debugging.isOn
    }

    /// A name for one wait on this loop.
    @inline(__always)
    func nextWait() -> WaitID {
        waits &+= 1
        return WaitID(waits)
    }

    deinit {
        landing.deallocate()
        meter.free()
    }

    // MARK: Pacing

    /// `count` bytes have been read, as a rule for a task that is ready to run now.
    @inline(__always)
    func noteLanded(_ count: Int) { landed &+= count &+ 1024 }

    /// True once so much has landed that it would leave the cache before the end of the poll.
    @inline(__always)
    var isLandingFull: Bool { landed >= 64 * 1024 }

    /// Tasks are about to run.
    @inline(__always)
    func clearLanded() { landed = 0 }
}

/// Which way bytes went: for tests, and to see that the fast path is taken.
struct Transfers {
    /// From descriptor to descriptor by `splice`.
    var spliced = 0
    /// From a file by `sendfile`.
    var sentFromFiles = 0
    /// From a file through memory, read on the blocking pool.
    var copiedFromFiles = 0
}
