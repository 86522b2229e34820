// How a snapshot is put together, on the loop's thread or from outside.

extension LoopSnapshot {
    /// A snapshot that tells where waits stand as addresses: what they are is looked up elsewhere.
    struct Draft: Sendable {
        private var snapshot: LoopSnapshot
        /// Of each operation, and of each task's wait; empty unless `REACTOR_DEBUG=1`.
        private var operationCalls: [CallChain] = []
        private var taskCalls: [CallChain] = []
    }
}

extension LoopSnapshot.Draft {
    typealias Operation = LoopSnapshot.Operation

    /// On the loop's thread.
    init(_ loop: EventLoop, limit: Int) {
        let (core, now) = (loop.core, MonotonicTime.now)
        snapshot = LoopSnapshot(loop: loop.name, id: loop.id)
        snapshot.statistics = LoopStatistics(loop)
        let entries = loop.work.living
        let all = core.participants.all
        let names = Names(entries, all)
        var waits: [TaskIdentity: ParkedWait] = [:]
        var list = Limited<Operation>(limit)
        var calls = Limited<CallChain>(limit)
        core.eachWait(timers: limit) { wait in
            if let task = wait.task { waits[task] = wait }
            list.add(
                Operation(
                    what: wait.what, task: names.name(of: wait.task),
                    waitingSeconds: wait.since.map { Seconds(max(.zero, $0.duration(to: now))) }))
            calls.add(wait.calls)
        }
        snapshot.operations = list.entries
        snapshot.omitted += list.omitted
        operationCalls = calls.entries
        take(entries, all, waits, now, limit)
        takeHandles(all, limit)
        takeTimers(core.timers, names, now, limit)
    }

    /// What can be said of a loop whose thread does not come back; on any thread.
    init(fromOutside loop: EventLoop, limit: Int) {
        snapshot = LoopSnapshot(loop: loop.name, id: loop.id)
        snapshot.isThreadHeld = true
        take(loop.work.living, [], [:], .now, limit)
    }

    private mutating func take(
        _ entries: [LoopWork.Entry], _ participants: [ShutdownParticipant],
        _ waits: [TaskIdentity: ParkedWait], _ now: MonotonicTime, _ limit: Int
    ) {
        var list = Limited<LoopSnapshot.Task>(limit)
        var calls = Limited<CallChain>(limit)
        for entry in entries {
            let wait = entry.task.flatMap { waits[$0] }
            list.add(
                LoopSnapshot.Task(
                    kind: entry.kind.rawValue, name: entry.title, madeAt: "\(entry.place)",
                    waitsFor: wait?.what, ageSeconds: Seconds(entry.since.duration(to: now)),
                    waitingSeconds: wait?.since.map { Seconds(max(.zero, $0.duration(to: now))) }))
            calls.add(wait?.calls ?? CallChain())
        }
        for case let stream as StreamCore in participants where stream.isServed {
            let wait = stream.owner.flatMap { waits[$0] }
            list.add(
                LoopSnapshot.Task(
                    kind: "connection", name: stream.peerName,
                    madeAt: stream.place.place.map { "\($0)" }, waitsFor: wait?.what,
                    ageSeconds: Seconds(stream.age),
                    waitingSeconds: wait?.since.map { Seconds(max(.zero, $0.duration(to: now))) }))
            calls.add(wait?.calls ?? CallChain())
        }
        snapshot.tasks = list.entries
        snapshot.omitted += list.omitted
        taskCalls = calls.entries
    }

    private mutating func takeHandles(_ participants: [ShutdownParticipant], _ limit: Int) {
        var handles = Limited<LoopSnapshot.Handle>(limit)
        var children = Limited<LoopSnapshot.Child>(limit)
        for participant in participants {
            let place = participant.place.place.map { "\($0)" }
            let age = Seconds(participant.age)
            let stream = participant as? StreamCore
            handles.add(
                LoopSnapshot.Handle(
                    kind: participant.inspectedKind, name: participant.shutdownName,
                    madeAt: place, unreadBytes: stream?.inbound.unread,
                    unsentBytes: stream?.outbound.pending, ageSeconds: age))
            guard let process = participant as? ProcessCore else { continue }
            children.add(
                LoopSnapshot.Child(
                    pid: process.child.pid, name: process.name, madeAt: place,
                    state: process.state, waiters: process.waiterCount, ageSeconds: age))
        }
        snapshot.handles = handles.entries
        snapshot.children = children.entries
        snapshot.omitted += handles.omitted + children.omitted
    }

    private mutating func takeTimers(
        _ queue: TimerQueue, _ names: Names, _ now: MonotonicTime, _ limit: Int
    ) {
        var timers: [LoopSnapshot.Timer] = []
        queue.each(limit: limit) { timer in
            timers.append(
                LoopSnapshot.Timer(
                    kind: timer.kind, task: names.name(of: timer.task),
                    dueSeconds: Seconds(now.duration(to: timer.due))))
        }
        snapshot.omitted += queue.count - timers.count
        snapshot.timers = timers.sorted { $0.due < $1.due }
    }

    // MARK: Lines

    /// With lines for addresses.
    func finished() async throws -> LoopSnapshot {
        guard Debugging.isOn else { return snapshot }
        return try await abandoningBlocking(on: Self.pool) { located() }
    }

    private static let pool = BlockingPool(name: "reactor-lines", maxThreads: 1)

    private func located() -> LoopSnapshot {
        var located = snapshot
        for (index, calls) in operationCalls.enumerated() {
            let frames = SourceLines.frames(of: calls)
            located.operations[index].waitsAt = frames.first?.place
            located.operations[index].backtrace = frames.map(\.description)
        }
        for (index, calls) in taskCalls.enumerated() {
            located.tasks[index].waitsAt = SourceLines.frames(of: calls).first?.place
        }
        return located
    }

    /// What tasks are called.
    private struct Names {
        private var names: [TaskIdentity: String] = [:]

        init(_ entries: [LoopWork.Entry], _ participants: [ShutdownParticipant]) {
            for entry in entries {
                if let task = entry.task { names[task] = entry.title }
            }
            for case let stream as StreamCore in participants {
                if let owner = stream.owner { names[owner] = "connection \(stream.peerName)" }
            }
        }

        func name(of task: TaskIdentity?) -> String? { task.flatMap { names[$0] } }
    }

    /// A list that does not get longer than it may.
    private struct Limited<Entry> {
        private let limit: Int
        private(set) var entries: [Entry] = []
        private(set) var omitted = 0

        init(_ limit: Int) { self.limit = limit }

        mutating func add(_ entry: @autoclosure () -> Entry) {
            if entries.count < limit { entries.append(entry()) } else { omitted += 1 }
        }
    }
}
