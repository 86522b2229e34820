// The loops that turn in this process.

/// Entered by each loop's own thread before its first turn, left after its last.
enum LoopDirectory {
    private struct Place {
        weak var loop: EventLoop?
    }

    private static let loops = Locked<[Int: Place]>([:])

    static func enter(_ loop: EventLoop) {
        loops.withLock { $0[loop.id] = Place(loop: loop) }
    }

    static func leave(_ loop: EventLoop) {
        loops.withLock { _ = $0.removeValue(forKey: loop.id) }
    }

    static var all: [EventLoop] {
        loops.withLock { $0.values.compactMap(\.loop) }.sorted { $0.id < $1.id }
    }
}

extension EventLoop {
    /// The loops that turn in this process now, those of groups included, the oldest first.
    public static var running: [EventLoop] { LoopDirectory.all }
}
