// What a process used while it ran.

/// What a child used: its own, and that of its children that it waited for.
///
/// The kernel's `rusage`, told together with the status.
public struct ResourceUsage: Hashable, Sendable {
    /// Processor time in its own code.
    public var userTime: Duration
    /// Processor time in the kernel, on its behalf.
    public var systemTime: Duration
    /// The most memory that it held at a time.
    ///
    /// Linux counts what this process held when it started the child as the child's: a small
    /// program is told as large as this one.
    public var peakMemoryBytes: Int
    /// Pages that were mapped without reading from a disk.
    public var minorFaults: Int
    /// Pages that had to be read.
    public var majorFaults: Int
    /// How often it gave its processor up to wait.
    public var voluntarySwitches: Int
    /// How often its processor was taken from it.
    public var involuntarySwitches: Int

    /// Processor time in all.
    public var processorTime: Duration { userTime + systemTime }

    init(_ usage: ChildHandle.Usage) {
        userTime = .microseconds(usage.user)
        systemTime = .microseconds(usage.system)
        peakMemoryBytes = Int(usage.peakBytes)
        minorFaults = Int(usage.minorFaults)
        majorFaults = Int(usage.majorFaults)
        voluntarySwitches = Int(usage.voluntarySwitches)
        involuntarySwitches = Int(usage.involuntarySwitches)
    }
}
