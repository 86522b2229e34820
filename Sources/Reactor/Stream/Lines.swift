// A reader as a sequence of lines of text.

/// The lines of a reader, without their ends.
public struct Lines<Reader: ByteReader>: AsyncSequence, Sendable {
    /// A line without its end.
    public typealias Element = String

    let reader: BufferedReader<Reader>
    let limitBytes: Int

    /// Reads on each call.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let reader: BufferedReader<Reader>
        let limitBytes: Int

        /// The next line; `nil` when the peer has finished.
        ///
        /// Suspends until there is one. Cancelling throws `CancellationError` and loses nothing.
        public mutating func next() async throws -> String? {
            try await reader.readLine(limitBytes: limitBytes)
        }

        /// As ``next()``.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> String? {
            try await reader.readLine(limitBytes: limitBytes)
        }
    }

    /// Begins to read, where the last iterator has ended.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(reader: reader, limitBytes: limitBytes)
    }
}

extension ByteReader {
    /// The reader's text as lines, LF or CRLF at their ends, until the peer has finished.
    ///
    /// For a reader that is read in this way only: the sequence keeps what has arrived after the
    /// last line that it gave. To go on in another way, make a ``BufferedReader`` and take its
    /// ``BufferedReader/lines(limitBytes:)``. Text that is not valid UTF-8 is repaired. An error
    /// ends it, as does cancelling; so does a line of more than `limitBytes`, its end not counted,
    /// with ``ReactorError/Code/limitExceeded``.
    public func lines(limitBytes: Int = 65_536) -> Lines<Self> {
        BufferedReader(self).lines(limitBytes: limitBytes)
    }
}
