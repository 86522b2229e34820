// Writing what holds bytes without being an array of them.

extension ByteWriter {
    /// Writes a part of an array.
    ///
    /// It is borrowed: what must wait is copied.
    ///
    /// Suspends until less than 64 KiB wait to be sent; cancelling stops the waiting only.
    ///
    /// - Throws: As ``write(_:)-(Span<UInt8>)``.
    public func write(_ bytes: ArraySlice<UInt8>) async throws {
        try await write(bytes.span)
    }

    /// Writes any other bytes: `"text".utf8`, `repeatElement(0, count: 512)`.
    ///
    /// They are copied into an array first; what has a `span` (Foundation's `Data` does) is written
    /// without a copy that way.
    ///
    /// Suspends until less than 64 KiB wait to be sent; cancelling stops the waiting only.
    ///
    /// - Throws: As ``write(_:)-(Span<UInt8>)``.
    public func write(_ bytes: some Sequence<UInt8>) async throws {
        try await write(Array(bytes))
    }
}
