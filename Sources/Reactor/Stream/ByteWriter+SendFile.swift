// Part of a file to any writer.

public import SystemPackage

extension ByteWriter {
    /// Sends part of a file, to a socket without this process touching the bytes.
    ///
    /// Other writers get them by way of memory. The file's own position does not matter and does
    /// not change; the file stays the caller's. What was written before goes first, what is
    /// written meanwhile to a socket or pipe comes after. Pages that are not in memory are read on
    /// the blocking pool, never on the loop.
    ///
    /// Suspends until the kernel, or the writer, has taken the last byte. Cancelling, and a
    /// deadline, stop it where it is: the peer has got a part then. One call at a time.
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
        try Task.checkCancellation()
        let own = try OutgoingFile(file.rawValue, range)
        defer { own.close() }
        if let handle = (self as? any DescriptorStream)?.streamHandle {
            return try await handle.loop.submit { try await handle.send(own) }
        }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let bytes = try await own.read(at: offset, upTo: range.upperBound - offset)
            if bytes.isEmpty { break }
            try await write(bytes)
            offset += bytes.count
        }
        return offset - range.lowerBound
    }
}
