// Writing text.

extension ByteWriter {
    /// Writes text as UTF-8, as it is: no line end is added.
    ///
    /// Suspends until less than 64 KiB wait to be sent; cancelling stops the waiting only.
    ///
    /// - Throws: As ``write(_:)-(Span<UInt8>)``.
    public func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    /// Writes a part of a text as UTF-8.
    ///
    /// Suspends until less than 64 KiB wait to be sent; cancelling stops the waiting only.
    ///
    /// - Throws: As ``write(_:)-(Span<UInt8>)``.
    public func write(_ text: Substring) async throws {
        try await write(Array(text.utf8))
    }
}
