// This side of a child's pseudo-terminal.

/// What a child's terminal shows and what is typed on it.
///
/// What is written is the keyboard: the terminal echoes it and turns control-C into SIGINT. What is
/// read is the screen, with CR LF at the ends of lines. It ends when the child, and all that it
/// shares the terminal with, have gone.
public final class PseudoTerminal: ByteReader, ByteWriter {
    private let handle: StreamHandle

    init(_ handle: StreamHandle) { self.handle = handle }

    deinit { handle.carry { _ = $0.faceIsGone() } }

    /// Reads what is there into `buffer`.
    ///
    /// Zero: the child's side has closed.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    public func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        try await handle.read(into: &buffer)
    }

    /// Reads what is there, at most `maxBytes`.
    ///
    /// `nil`: the child's side has closed.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    public func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        try await handle.read(upTo: maxBytes)
    }

    /// Types borrowed bytes.
    ///
    /// Suspends while the terminal takes no more. Cancelling stops the waiting only: the bytes are
    /// still typed.
    public func write(_ bytes: Span<UInt8>) async throws { try await handle.write(bytes) }

    /// Types owned bytes.
    ///
    /// Cancelling stops the waiting only.
    public func write(_ bytes: [UInt8]) async throws { try await handle.write(bytes) }

    /// Types several arrays as one.
    ///
    /// Cancelling stops the waiting only.
    public func write(contentsOf parts: [[UInt8]]) async throws {
        try await handle.write(contentsOf: parts)
    }

    /// Types control-D, which a program at the beginning of a line reads as the end.
    ///
    /// Cancelling stops the waiting only.
    public func finish() async throws { try await handle.write([4]) }

    /// Gives the terminal another size; the child is told with SIGWINCH.
    ///
    /// - Throws: ``ReactorError/Code/closed``; `CancellationError`.
    public func resize(_ size: TerminalSize) async throws {
        try Task.checkCancellation()
        try await handle.loop.make { [handle] in
            guard handle.here.isOpen else { throw handle.here.error(.closed, "resize") }
            try handle.here.descriptor.resizeTerminal(rows: size.rows, columns: size.columns)
        }
    }

    /// Hangs up: the child gets SIGHUP.
    ///
    /// Never throws, may be called often, works in a cancelled task.
    public func close() async { await handle.close(flushFor: .seconds(2)) }

    func abort() { handle.abort() }
}
