// Bytes in, bytes out: the contract that every stream keeps.

/// Bytes come out of it.
///
/// One task reads at a time; a second is refused with ``ReactorError/Code/busy`` and the first goes
/// on. A read suspends until there is something to return. Cancelling it throws
/// `CancellationError` and loses nothing: what arrives is there for the next read. After the end
/// has been reported it is reported again to every later read; an error of the connection is
/// thrown once, and ``ReactorError/Code/closed`` from then on.
public protocol ByteReader: Sendable {
    /// Reads what is there, at most what fits, into `buffer`'s first bytes. Zero: the peer has
    /// finished.
    ///
    /// - Throws: `CancellationError`; ``ReactorError/Code/invalidArgument`` for an empty buffer;
    ///   ``ReactorError/Code/busy``; ``ReactorError/Code/closed``;
    ///   ``ReactorError/Code/loopClosed``; the connection's own failure.
    func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int

    /// Reads what is there, at most `maxBytes`. `nil`: the peer has finished.
    ///
    /// - Throws: As ``read(into:)``; ``ReactorError/Code/invalidArgument`` for a limit below one.
    func read(upTo maxBytes: Int) async throws -> [UInt8]?
}

/// Bytes go into it.
///
/// A write is passed on whole and in the order of the calls, however many tasks write. It returns
/// once less than 64 KiB wait in this process; so a task that awaits its writes holds at most that
/// and one write in memory. **Cancelling a write that waits stops the waiting only**: its bytes
/// still go out. A failure that comes after a write has returned is thrown by the next one, or by
/// ``finish()``. Called away from the stream's loop, a small write returns once its bytes are on
/// their way there.
public protocol ByteWriter: Sendable {
    /// Writes borrowed bytes: those that must wait are copied.
    ///
    /// - Throws: `CancellationError`, at once if the task is cancelled already, and then nothing is
    ///   sent; ``ReactorError/Code/finished`` after ``finish()``; ``ReactorError/Code/closed``;
    ///   ``ReactorError/Code/loopClosed``; the connection's own failure.
    func write(_ bytes: Span<UInt8>) async throws

    /// Writes owned bytes: those that must wait are kept, not copied.
    ///
    /// - Throws: As ``write(_:)-(Span<UInt8>)``.
    func write(_ bytes: [UInt8]) async throws

    /// Writes several arrays as one, in one system call where the kernel takes them.
    ///
    /// - Throws: As ``write(_:)-(Span<UInt8>)``.
    func write(contentsOf parts: [[UInt8]]) async throws

    /// Waits until everything written has left this process, then tells the peer that no more
    /// comes. Reading goes on.
    ///
    /// Cancelling it stops the waiting; the end is still sent after the bytes before it. A second
    /// call throws ``ReactorError/Code/finished``.
    ///
    /// - Throws: As ``write(_:)-(Span<UInt8>)``.
    func finish() async throws
}

/// Both directions, and an end to them.
public protocol ByteStream: ByteReader, ByteWriter {
    /// Sends what is still unsent, for a bounded time, ends the stream and releases it.
    ///
    /// Never throws, can be called often and from several tasks at once, and does its work in a
    /// cancelled task as well. Tasks that wait in a read or write of this stream get
    /// ``ReactorError/Code/closed``.
    func close() async

    /// Ends the stream at once: what was unsent is dropped, the peer sees a reset.
    ///
    /// Does not suspend. Waiting tasks get ``ReactorError/Code/closed``.
    func abort()
}
