// One thread, one libuv loop, one identity: where tasks run and everything open lives.

internal import Synchronization

/// An event loop: one thread turning one libuv loop, and the executor of the tasks started on it.
///
/// Get one from ``run(name:stopOn:grace:onReport:body:)``, which turns the calling thread into a
/// loop's, or from an ``EventLoopGroup``. Code on its thread finds it in ``current``; nothing has
/// to pass it along. Start work on it with ``spawn(after:name:_:)``, or call it from anywhere and
/// get the result with ``submit(_:)``.
///
/// A loop is a `TaskExecutor`, so `Task(executorPreference: loop)` and a group's
/// `addTask(executorPreference: loop)` work as with any other.
public final class EventLoop: TaskExecutor, @unchecked Sendable {
    /// Unique in this process.
    public let id: Int

    /// For people: in logs, reports and the thread's name.
    public let name: String

    let queue: JobQueue
    let work = LoopWork()
    let serial: LoopSerialExecutor
    /// Set on the loop's thread by `stop`, for loops that turn until then.
    let stopRequest = Flag()
    /// The time that its shutdown may take.
    let grace: Duration
    /// Who wants the report; the log if nobody does.
    let onReport: (@Sendable (ShutdownReport) -> Void)?
    let watch = Locked(Watch.none)
    /// When the end was first asked for, on whatever thread.
    let stopAsked = Locked<MonotonicTime?>(nil)
    // Unchecked: this is opened through `core` alone, which checks the thread.
    private let confined: LoopCore

    private static let lastID = Atomic(0)

    init(
        name: String? = nil, wakeup: Wakeup? = nil, grace: Duration = .seconds(10),
        onReport: (@Sendable (ShutdownReport) -> Void)? = nil
    ) throws(ReactorError) {
        self.grace = grace
        self.onReport = onReport
        id = Self.lastID.add(1, ordering: .relaxed).newValue
        self.name = name ?? "loop-\(id)"
        queue = try JobQueue(wakeup)
        confined = try LoopCore()
        serial = LoopSerialExecutor(queue: queue)
        serial.loop = self
    }

    /// The loop whose thread runs the caller; `nil` elsewhere, in a `blocking` body too.
    public static var current: EventLoop? { CurrentLoop.loop }

    /// True where the caller runs on this loop's thread.
    public var isCurrent: Bool { CurrentLoop.isCurrent(self) }

    /// What the loop's thread keeps to itself; a trap elsewhere.
    @inline(__always)
    var core: LoopCore {
        precondition(isCurrent, "event loop touched off its thread")
        return confined
    }

    /// Runs a call on the loop's thread, not before the caller has returned to it. False if the
    /// loop has ended: the call is dropped then.
    @discardableResult
    func post(_ call: @escaping @Sendable () -> Void) -> Bool {
        if isCurrent {
            queue.append(.call(call))
            return true
        }
        return queue.send(.call(call))
    }

    /// The same before all that is ready there; at once where the caller is on the loop.
    @discardableResult
    func postFirst(_ call: @escaping @Sendable () -> Void) -> Bool {
        if isCurrent {
            call()
            return true
        }
        return queue.sendFirst(call)
    }

    /// The loop on which an I/O object made here and now should live: the current one, else the
    /// task's home loop, else the shared group's next.
    @inline(never)
    static func forNewObjects() throws(ReactorError) -> EventLoop {
        if let current { return current }
        if let home = HomeLoop.current { return home }
        return try EventLoopGroup.sharedOrThrow().next()
    }
}

extension EventLoop: Hashable, CustomStringConvertible {
    /// Identity.
    public static func == (left: EventLoop, right: EventLoop) -> Bool { left === right }

    /// Identity.
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }

    /// Its name.
    public var description: String { name }
}

/// The loop that a task calls home, wherever it runs: bound once where work is started on a loop,
/// inherited by everything below, a plain `Task { }` included.
enum HomeLoop {
    @TaskLocal static var current: EventLoop?
}
