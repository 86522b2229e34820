// Lines of text.

extension BufferedReader {
    /// Reads a line and returns it without its end, LF or CRLF.
    ///
    /// `nil`: the peer has finished, and nothing was left.
    ///
    /// A last line without an end is a line as well. The text is UTF-8; what is not valid is
    /// replaced by U+FFFD, as `String(decoding:as:)` does: to be strict, take
    /// ``read(through:limitBytes:)`` and validate. Suspends until the line is there. Cancelling
    /// throws `CancellationError` and loses nothing. `limitBytes` is the longest line, its end not
    /// counted.
    ///
    /// - Throws: ``ReactorError/Code/limitExceeded`` for a longer line, whose bytes stay readable;
    ///   ``ReactorError/Code/invalidArgument`` for a negative limit; else as
    ///   ``ByteReader/read(upTo:)``.
    public func readLine(limitBytes: Int = 65_536) async throws -> String? {
        guard limitBytes >= 0 else {
            throw ReactorError(.invalidArgument, "read a line of at most \(limitBytes) bytes")
        }
        try enter("read a line")
        defer { leave() }
        var scanned = 0
        while true {
            switch ahead.line(limit: limitBytes, scanned: &scanned) {
            case .found(let count, let total):
                return ahead.takeText(count, of: total)
            case .tooLong:
                throw tooLong(limitBytes)
            case .more:
                if try await fill() { continue }
                if ahead.isEmpty { return nil }
                // A CR over the limit, which no LF has followed.
                if ahead.count > limitBytes { throw tooLong(limitBytes) }
                return ahead.takeText(ahead.count, of: ahead.count)
            }
        }
    }

    private func tooLong(_ limitBytes: Int) -> ReactorError {
        ReactorError(.limitExceeded, "read a line of at most \(limitBytes) bytes")
    }

    /// The lines that are left, as ``readLine(limitBytes:)`` returns them.
    ///
    /// May be left and begun again: the next line is where the last one ended.
    public func lines(limitBytes: Int = 65_536) -> Lines<Reader> {
        Lines(reader: self, limitBytes: limitBytes)
    }
}
