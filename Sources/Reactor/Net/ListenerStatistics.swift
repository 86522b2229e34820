// What a listener counts.

/// What a listener has seen.
public struct ListenerStatistics: Sendable, Hashable {
    /// Connections taken from the kernel.
    public internal(set) var accepted = 0
    /// Clients that had gone before they were accepted.
    public internal(set) var aborted = 0
    /// Failures to accept that were answered with a pause.
    public internal(set) var backOffs = 0
    /// The latest of them.
    public internal(set) var lastError: ReactorError?
    /// Handlers of ``TCPListener/serve(limit:drain:_:)`` that threw.
    public internal(set) var failedHandlers = 0
}
