// Pumping bytes from readers to writers.

/// Copies everything that comes from `reader` to `writer` and returns the number of bytes, once the
/// reader's peer has finished.
///
/// Reads no faster than the writer takes: both suspend. Between connections and pipes of one loop
/// the bytes stay in the kernel; else one buffer serves the whole copy. `writer` is left open; call
/// ``ByteWriter/finish()`` to pass the end on as well. Cancelling ends the copy with
/// `CancellationError`; what had just been read may not have been written then.
///
/// - Throws: What reading and writing throw.
///
/// libuv: none; `splice`, or reading and writing.
public func copy(from reader: some ByteReader, to writer: some ByteWriter) async throws -> Int {
    try Task.checkCancellation()
    var (total, isAll) = try await splice(from: reader, to: writer)
    if isAll { return total }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = try await reader.read(into: &buffer)
        if count == 0 { return total }
        try await writer.write(buffer.span.extracting(first: count))
        total += count
    }
}

/// Copies both ways between two streams until both have ended: what a proxy does.
///
/// When one side finishes, the other is told so by ``ByteWriter/finish()`` and may go on sending.
/// Returns the bytes copied from `a` to `b`, and from `b` to `a`. If a direction fails the other is
/// cancelled, and the failure thrown; cancelling ends both. The streams stay the caller's to close,
/// or to abort after a failure.
///
/// - Throws: What reading, writing and finishing throw.
public func copyBidirectional(
    _ a: some ByteStream, _ b: some ByteStream
) async throws -> (Int, Int) {
    try await withThrowingTaskGroup(of: (forward: Bool, count: Int).self) { group in
        group.addTask { (true, try await copyToEnd(from: a, to: b)) }
        group.addTask { (false, try await copyToEnd(from: b, to: a)) }
        var counts = (0, 0)
        for try await (forward, count) in group {
            if forward { counts.0 = count } else { counts.1 = count }
        }
        return counts
    }
}

private func copyToEnd(
    from reader: some ByteReader, to writer: some ByteWriter
) async throws -> Int {
    let count = try await copy(from: reader, to: writer)
    try await writer.finish()
    return count
}
