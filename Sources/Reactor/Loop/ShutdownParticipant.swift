// What a loop's shutdown must know of everything open on it.

/// Something open on a loop that its shutdown must end, most often over a descriptor.
///
/// A class, not a protocol: a list of references takes one word each, one of existentials two.
///
/// The end comes in steps, each of them a call on the loop's thread: ``drain()`` where a signal
/// asks for it, ``cancel()`` when tasks are cancelled, which may come twice, and ``shutDown()``
/// when the time is up or nothing is left to wait for. A participant that has something to wait
/// for says so in ``holdsUpShutdown``.
class ShutdownParticipant: PollOwner {
    /// Its place in the list, kept here so that leaving costs nothing.
    fileprivate final var participantIndex: Int32 = -1
    /// When it joined, in four bytes: all that there is room for in every object.
    fileprivate final var joined = CoarseTime.unknown

    /// What it is, by its name: `child 4711 (git)`.
    var shutdownName: String { "\(Self.self)" }

    /// What kind of thing the report calls it.
    var shutdownKind: ShutdownReport.Holdup.Kind { .other }

    /// What it waits for, as far as it knows: `an exit`.
    var shutdownWait: String? { nil }

    /// Since when.
    var shutdownSince: MonotonicTime? { nil }

    /// What snapshots call it: a word.
    var inspectedKind: String { shutdownKind.rawValue }

    /// Where in the source it was made.
    var place: PlaceID { .unknown }

    /// True if it is a connection of `serve`.
    var isServed: Bool { false }

    /// The task that it is served by, if it is one.
    var handler: TaskIdentity? { nil }

    /// The tasks that wait for it, each with what for.
    func eachWait(_ visit: (ParkedWait) -> Void) {}

    /// How long it has been open, to 17 ms.
    final var age: Duration { joined.age }

    /// Since when, likewise.
    final var openSince: MonotonicTime { joined.time }

    /// True if the end of the loop should wait for this, within the grace period: a child that has
    /// been told to end, say. Asked once a turn. It leaves the list when it is over.
    var holdsUpShutdown: Bool { false }

    /// Begins nothing new, and ends when what is under way has ended: a listener closes.
    ///
    /// Nothing by default, as for a stream in use.
    func drain() {}

    /// Ends what is under way, as politely as may be: a service cancels its handlers, a child gets
    /// SIGTERM.
    ///
    /// Nothing by default, as for what only tasks hold.
    func cancel() {}

    /// Ends everything now: waiters fail with ``ReactorError/Code/loopClosed``, handles close,
    /// what is in the file system goes. It must leave the list.
    func shutDown() { preconditionFailure("\(Self.self) does not shut down") }
}

/// The open objects of a loop, in no order: joining and leaving take constant time.
struct ParticipantList {
    private(set) var all: [ShutdownParticipant] = []

    mutating func join(_ member: ShutdownParticipant) {
        member.participantIndex = Int32(all.count)
        member.joined = CoarseTime(.now)
        all.append(member)
    }

    mutating func leave(_ member: ShutdownParticipant) {
        let index = Int(member.participantIndex)
        guard index >= 0 else { return }
        member.participantIndex = -1
        let last = all.removeLast()
        if last !== member {
            last.participantIndex = Int32(index)
            all[index] = last
        }
    }

    /// True if something here wants to be waited for.
    var holdUpShutdown: Bool { all.contains { $0.holdsUpShutdown } }
}
