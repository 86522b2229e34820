// How a process ended, as a value.

/// How a process ended.
///
/// A value, not an error: what a status means is up to the caller.
public enum ExitStatus: Hashable, Sendable {
    /// It returned from `main` or called `exit`, with this code.
    case exited(Int32)
    /// A signal ended it.
    case signaled(Signal, coreDumped: Bool)
    /// It has ended, but how is not known.
    case unknown(Reason)

    /// Why a status is not known.
    public enum Reason: String, Hashable, Sendable {
        /// Somebody else in this process waited for the child, or SIGCHLD is ignored: the kernel
        /// tells a status once.
        case reapedElsewhere
        /// The process was no child of this one: only its parent is told.
        case notOurChild
        /// The event loop that watched it has shut down.
        case loopClosed
    }

    /// True where it exited with code zero.
    public var isSuccess: Bool { self == .exited(0) }
}

extension ExitStatus: CustomStringConvertible {
    /// `exited with 1`, `killed by SIGKILL`, `ended, status unknown: reapedElsewhere`.
    public var description: String {
        switch self {
        case .exited(let code): "exited with \(code)"
        case .signaled(let signal, let coreDumped):
            "killed by \(signal)\(coreDumped ? ", core dumped" : "")"
        case .unknown(let reason): "ended, status unknown: \(reason.rawValue)"
        }
    }
}

/// A process's end: how, and what it had used.
struct ProcessEnd: Sendable {
    let status: ExitStatus
    let usage: ResourceUsage?
}

extension ProcessEnd {
    /// `nil` while the process runs. Where the status is lost, `reason` is why.
    init?(_ end: ChildHandle.End, lost reason: ExitStatus.Reason) {
        switch end {
        case .running: return nil
        case .lost: self.init(status: .unknown(reason), usage: nil)
        case .exited(let code, let usage):
            self.init(status: .exited(code), usage: ResourceUsage(usage))
        case .signaled(let number, let coreDumped, let usage):
            self.init(
                status: .signaled(Signal(rawValue: number), coreDumped: coreDumped),
                usage: ResourceUsage(usage))
        }
    }
}
