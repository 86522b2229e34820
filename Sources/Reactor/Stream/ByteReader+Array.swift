// Reading into an array.

extension ByteReader {
    /// Reads what is there over the first bytes of `buffer`, at most as many as it has elements.
    ///
    /// Zero: the peer has finished.
    ///
    /// Suspends until there is something. The array keeps its length: make it once, as large as a
    /// read shall be, and use it again; no call allocates. Cancelling throws `CancellationError`
    /// and loses nothing.
    ///
    /// - Throws: As ``read(into:)-(MutableSpan<UInt8>)``; ``ReactorError/Code/invalidArgument`` for
    ///   an array without elements.
    public func read(into buffer: inout [UInt8]) async throws -> Int {
        var span = buffer.mutableSpan
        return try await read(into: &span)
    }
}
