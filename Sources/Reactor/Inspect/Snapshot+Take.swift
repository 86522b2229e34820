// How a snapshot is put together, on the loop's thread or from outside.

extension LoopSnapshot {
    /// On the loop's thread.
    init(_ loop: EventLoop, limit: Int) {
        let (core, now) = (loop.core, MonotonicTime.now)
        self.loop = loop.name
        id = loop.id
        statistics = LoopStatistics(loop)
        let entries = loop.work.living
        let names = Names(entries, core.participants.all)
        let all = core.participants.all
        var waits: [TaskIdentity: ParkedWait] = [:]
        var list = Limited<Operation>(limit)
        core.eachWait(timers: limit) { wait in
            if let task = wait.task { waits[task] = wait }
            list.add(
                Operation(
                    what: wait.what, task: names.name(of: wait.task),
                    waitingSeconds: wait.since.map { Seconds(max(.zero, $0.duration(to: now))) }))
        }
        operations = list.entries
        omitted += list.omitted
        take(entries, all, waits, now, limit)
        takeHandles(all, limit)
        takeTimers(core.timers, names, now, limit)
    }

    /// What can be said of a loop whose thread does not come back; on any thread.
    init(fromOutside loop: EventLoop, limit: Int) {
        self.loop = loop.name
        id = loop.id
        isThreadHeld = true
        take(loop.work.living, [], [:], .now, limit)
    }

    private mutating func take(
        _ entries: [LoopWork.Entry], _ participants: [ShutdownParticipant],
        _ waits: [TaskIdentity: ParkedWait], _ now: MonotonicTime, _ limit: Int
    ) {
        var list = Limited<Task>(limit)
        for entry in entries {
            let wait = entry.task.flatMap { waits[$0] }
            list.add(
                Task(
                    kind: entry.kind.rawValue, name: entry.title, madeAt: "\(entry.place)",
                    waitsFor: wait?.what, ageSeconds: Seconds(entry.since.duration(to: now)),
                    waitingSeconds: wait?.since.map { Seconds(max(.zero, $0.duration(to: now))) }))
        }
        for case let stream as StreamCore in participants where stream.isServed {
            let wait = stream.owner.flatMap { waits[$0] }
            list.add(
                Task(
                    kind: "connection", name: stream.peerName,
                    madeAt: stream.place.place.map { "\($0)" }, waitsFor: wait?.what,
                    ageSeconds: Seconds(stream.age),
                    waitingSeconds: wait?.since.map { Seconds(max(.zero, $0.duration(to: now))) }))
        }
        tasks = list.entries
        omitted += list.omitted
    }

    private mutating func takeHandles(_ participants: [ShutdownParticipant], _ limit: Int) {
        var handles = Limited<Handle>(limit)
        var children = Limited<Child>(limit)
        for participant in participants {
            let place = participant.place.place.map { "\($0)" }
            let age = Seconds(participant.age)
            let stream = participant as? StreamCore
            handles.add(
                Handle(
                    kind: participant.inspectedKind, name: participant.shutdownName,
                    madeAt: place, unreadBytes: stream?.inbound.unread,
                    unsentBytes: stream?.outbound.pending, ageSeconds: age))
            guard let process = participant as? ProcessCore else { continue }
            children.add(
                Child(
                    pid: process.child.pid, name: process.name, madeAt: place,
                    state: process.state, waiters: process.waiterCount, ageSeconds: age))
        }
        self.handles = handles.entries
        self.children = children.entries
        omitted += handles.omitted + children.omitted
    }

    private mutating func takeTimers(
        _ queue: TimerQueue, _ names: Names, _ now: MonotonicTime, _ limit: Int
    ) {
        var timers: [Timer] = []
        queue.each(limit: limit) { deadline, kind, task in
            timers.append(
                Timer(
                    kind: kind, task: names.name(of: task),
                    dueSeconds: Seconds(now.duration(to: deadline))))
        }
        omitted += queue.count - timers.count
        self.timers = timers.sorted { $0.due < $1.due }
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
