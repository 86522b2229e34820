// A reader as a sequence of byte arrays.

/// What a reader yields, as it arrives.
public struct Chunks<Reader: ByteReader>: AsyncSequence, Sendable {
    /// An array of the bytes that had arrived.
    public typealias Element = [UInt8]

    let reader: Reader

    /// Reads on each call.
    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline let reader: Reader

        /// The next bytes; `nil` when the peer has finished.
        ///
        /// Suspends until there are some. Cancelling throws `CancellationError` and loses nothing.
        @inlinable
        public mutating func next() async throws -> [UInt8]? {
            try await reader.read(upTo: 65_536)
        }

        /// As ``next()``.
        @inlinable
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> [UInt8]? {
            try await reader.read(upTo: 65_536)
        }

        @usableFromInline
        init(reader: Reader) { self.reader = reader }
    }

    /// Begins to read.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }
}

extension ByteReader {
    /// The reader's bytes as they arrive, each array of the size that came, until the peer has
    /// finished.
    ///
    /// An idle connection that waits in it holds no buffer. An error ends it, as does cancelling.
    public var chunks: Chunks<Self> { Chunks(reader: self) }
}
