// A reader that can look ahead: lines, frames and peeking, over any other reader.

internal import Synchronization

/// Reads lines and frames from another reader.
///
/// Make one for a stream and read from it alone: it keeps what has arrived beyond what was asked
/// for, and gives it to the next call. It reads when a call needs bytes, never ahead of one, and
/// holds no memory while it keeps none.
///
/// ```swift
/// let reader = BufferedReader(stream)
/// while let header = try await reader.read(exactly: 4) { … }
/// ```
///
/// As with every ``ByteReader`` one task reads at a time, and the second is refused with
/// ``ReactorError/Code/busy``. Every call suspends until it has what was asked for. **No error
/// loses bytes**: after a cancellation, an exceeded limit or an end in mid-frame, what has arrived
/// is there for the next call. It does not own the reader: closing stays the caller's.
public final class BufferedReader<Reader: ByteReader>: ByteReader, @unchecked Sendable {
    /// Where the bytes come from.
    ///
    /// What is read from it directly is missing here.
    public let reader: Reader

    // Unchecked: `ahead` is touched by the one call that has raised `isBusy`. That flag is one
    // atomic exchange; a lock could not be held across the call's suspensions, and would have to
    // answer `busy` all the same.
    var ahead = ReadAhead()
    private let isBusy = Atomic(false)

    /// Reads from `reader`, when asked to.
    public init(_ reader: Reader) { self.reader = reader }

    /// Enters a call; every call that returns from here must `leave`.
    func enter(_ operation: @autoclosure () -> String) throws {
        try Task.checkCancellation()
        if isBusy.exchange(true, ordering: .acquiring) { throw ReactorError(.busy, operation()) }
    }

    func leave() { isBusy.store(false, ordering: .releasing) }

    /// Waits for more bytes. False: the peer has finished.
    func fill() async throws -> Bool {
        guard let chunk = try await reader.read(upTo: 65_536) else { return false }
        ahead.append(chunk)
        return true
    }

    // MARK: As a reader

    /// Reads what is there: bytes kept from before, or else straight from the reader.
    ///
    /// Zero: the peer has finished.
    ///
    /// Suspends if nothing is there. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// - Throws: As ``ByteReader/read(into:)-(MutableSpan<UInt8>)``.
    public func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        try enter("read into a buffer")
        defer { leave() }
        if ahead.isEmpty || buffer.isEmpty { return try await reader.read(into: &buffer) }
        return ahead.take(into: BorrowedMemory(&buffer))
    }

    /// Reads what is there, at most `maxBytes`: bytes kept from before, or else straight from the
    /// reader.
    ///
    /// `nil`: the peer has finished.
    ///
    /// Suspends if nothing is there. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// - Throws: As ``ByteReader/read(upTo:)``.
    public func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        try enter("read up to \(maxBytes) bytes")
        defer { leave() }
        if ahead.isEmpty || maxBytes < 1 { return try await reader.read(upTo: maxBytes) }
        return ahead.take(min(maxBytes, ahead.count))
    }

    /// The next `count` bytes, which stay to be read.
    ///
    /// Fewer, or none, only if the peer has finished before.
    ///
    /// Suspends until they are there. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// - Throws: As ``ByteReader/read(upTo:)``.
    public func peek(_ count: Int) async throws -> [UInt8] {
        guard count >= 0 else { throw ReactorError(.invalidArgument, "peek at \(count) bytes") }
        try enter("peek at \(count) bytes")
        defer { leave() }
        while ahead.count < count {
            if try await !fill() { break }
        }
        return Array(ahead.prefix(count))
    }
}
