// What held a loop's shutdown up.

/// What the end of a loop had to force: empty after an orderly one.
public struct ShutdownReport: Sendable, Hashable, CustomStringConvertible {
    /// Something that was still under way when the grace period ended.
    public struct Holdup: Sendable, Hashable {
        /// What it is.
        public enum Kind: String, Sendable {
            /// A task of ``EventLoop/spawn(after:name:fileID:line:_:)``.
            case task
            /// A hook of ``EventLoop/onShutdown(name:fileID:line:_:)``.
            case hook
        }

        /// What it is.
        public let kind: Kind
        /// The name it was given, or the place in the source where it was made.
        public let name: String
        /// How long it had been under way.
        public let age: Duration
    }

    /// Who was still busy when the grace period ended, the oldest first.
    public internal(set) var holdups: [Holdup] = []

    /// How long the shutdown took.
    public internal(set) var elapsed: Duration = .zero

    mutating func add(_ kind: Holdup.Kind, _ living: [LoopWork.Spawned]) {
        let now = MonotonicTime.now
        holdups += living.map { Holdup(kind: kind, name: $0.name, age: $0.since.duration(to: now)) }
    }

    /// One line for each.
    public var description: String {
        holdups.isEmpty
            ? "clean shutdown in \(elapsed)"
            : holdups.map { "\($0.kind) \($0.name) still busy after \($0.age)" }
                .joined(separator: "\n")
    }
}
