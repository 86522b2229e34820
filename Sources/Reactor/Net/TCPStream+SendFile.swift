// Files over TCP, and how long a connection may be idle.

public import SystemPackage

extension TCPStream: DescriptorStream {
    var streamHandle: StreamHandle? { handle }

    /// Sends part of a file, without this process touching the bytes where that is possible.
    ///
    /// The file's own position does not matter and does not change; the file stays the caller's.
    /// What was written before goes first, what is written meanwhile comes after. Pages that are
    /// not in memory are read on the blocking pool, never on the loop.
    ///
    /// Suspends until the kernel has taken the last byte. Cancelling stops it where it is: the peer
    /// has got a part then. One call at a time.
    ///
    /// - Parameters:
    ///   - file: A regular file, open for reading.
    ///   - range: Which bytes.
    /// - Returns: How many bytes were sent: fewer only where the file ends before the range does.
    /// - Throws: ``ReactorError/Code/invalidArgument`` for what is no regular file;
    ///   ``ReactorError/Code/busy``; as ``write(_:)-(Span<UInt8>)``; what reading the file throws.
    ///
    /// libuv: `uv_fs_sendfile`, here `sendfile`.
    @discardableResult
    public func sendFile(_ file: FileDescriptor, range: Range<Int>) async throws -> Int {
        try await handle.sendFile(file.rawValue, range)
    }

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
