// How long a connection may be idle.

extension TCPStream {
    /// Ends the connection's use once it has carried no byte for `limit`, either way; `nil`: never.
    ///
    /// Reads and writes throw ``ReactorError/Code/timedOut`` then, those that wait too, and
    /// ``ReactorError/Code/closed`` afterwards; closing stays the caller's. The kernel keeps the
    /// time: nothing is paid per read or write. It is never early, and late by some milliseconds.
    /// Linux only; elsewhere it has no effect.
    ///
    /// Does not suspend.
    ///
    /// libuv: none; `TCP_INFO`.
    public func setIdleTimeout(_ limit: Duration?) { handle.carry { $0.setIdleLimit(limit) } }
}
