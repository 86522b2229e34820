// Frames: of a known length, up to a delimiter, or all there is.

extension BufferedReader {
    /// Reads exactly `count` bytes.
    ///
    /// `nil`: the peer has finished, and nothing was left.
    ///
    /// Suspends until they are there. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// - Throws: ``ReactorError/Code/incomplete`` if the peer finishes after some of them, which
    ///   stay readable; ``ReactorError/Code/invalidArgument`` for a negative count; else as
    ///   ``ByteReader/read(upTo:)``.
    public func read(exactly count: Int) async throws -> [UInt8]? {
        guard count >= 0 else { throw ReactorError(.invalidArgument, "read \(count) bytes") }
        try enter("read \(count) bytes")
        defer { leave() }
        while ahead.count < count {
            if try await fill() { continue }
            if ahead.isEmpty { return nil }
            throw ReactorError(.incomplete, "read \(count) bytes, of which \(ahead.count) came")
        }
        return ahead.take(count)
    }

    /// Reads up to the first `delimiter` and returns the bytes with it.
    ///
    /// `nil`: the peer has finished, and nothing was left.
    ///
    /// The delimiter is found however the peer's bytes were split on the way. Suspends until it is
    /// there. Cancelling throws `CancellationError` and loses nothing. `limitBytes` is the most
    /// that is returned, delimiter included.
    ///
    /// - Throws: ``ReactorError/Code/limitExceeded`` if no delimiter ends within the limit,
    ///   ``ReactorError/Code/incomplete`` if the peer finishes before one: the bytes stay readable
    ///   after both. ``ReactorError/Code/invalidArgument`` for an empty delimiter or a limit that
    ///   cannot hold it; else as ``ByteReader/read(upTo:)``.
    public func read(
        through delimiter: [UInt8], limitBytes: Int = 65_536
    ) async throws -> [UInt8]? {
        guard !delimiter.isEmpty, limitBytes >= delimiter.count else {
            throw ReactorError(
                .invalidArgument,
                "read at most \(limitBytes) bytes with a delimiter of \(delimiter.count)")
        }
        try enter("read through a delimiter")
        defer { leave() }
        var scanned = 0
        while true {
            switch ahead.frame(through: delimiter, limit: limitBytes, scanned: &scanned) {
            case .found(let count, _):
                return ahead.take(count)
            case .tooLong:
                throw ReactorError(
                    .limitExceeded, "read at most \(limitBytes) bytes through a delimiter")
            case .more:
                if try await fill() { continue }
                if ahead.isEmpty { return nil }
                throw ReactorError(
                    .incomplete, "read through a delimiter, before which \(ahead.count) bytes came")
            }
        }
    }

    /// Reads everything until the peer has finished; an empty array if that is nothing.
    ///
    /// Suspends until the end. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// - Throws: ``ReactorError/Code/limitExceeded`` if more than `limitBytes` come, which stay
    ///   readable; ``ReactorError/Code/invalidArgument`` for a negative limit; else as
    ///   ``ByteReader/read(upTo:)``.
    public func readToEnd(limitBytes: Int) async throws -> [UInt8] {
        guard limitBytes >= 0 else {
            throw ReactorError(.invalidArgument, "read at most \(limitBytes) bytes")
        }
        try enter("read to the end")
        defer { leave() }
        repeat {
            if ahead.count > limitBytes {
                throw ReactorError(
                    .limitExceeded, "read to the end, of at most \(limitBytes) bytes")
            }
        } while try await fill()
        return ahead.take(ahead.count)
    }
}
