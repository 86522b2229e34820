// Part of a file to a socket: by the kernel where the pages are at hand, else through memory.

/// A part of a file, and a descriptor of our own to read it by: the caller's may be closed, and its
/// number be another's, before the pool has read.
struct OutgoingFile: Sendable {
    /// As much as is asked of the kernel or the pool at a time.
    static let step = 256 * 1024

    let descriptor: Descriptor
    let range: Range<Int>

    init(_ file: Int32, _ range: Range<Int>) throws(ReactorError) {
        let operation = "send descriptor \(file)"
        guard range.lowerBound >= 0 else {
            throw ReactorError(.invalidArgument, "\(operation) from \(range.lowerBound)")
        }
        let given = Descriptor(number: file)
        let kind = try given.kind(operation)
        guard kind == .regularFile, try given.access(operation).reads else {
            throw ReactorError(
                .invalidArgument, "\(operation), which is \(kind.words), or not for reading")
        }
        descriptor = try given.duplicate()
        self.range = range
    }

    func close() { descriptor.close() }

    /// Reads on the blocking pool; no bytes where the file has ended.
    func read(at offset: Int, upTo limit: Int) async throws -> [UInt8] {
        let count = min(limit, Self.step)
        return try await blocking { () throws(ReactorError) in
            var bytes = [UInt8](repeating: 0, count: count)
            var span = bytes.mutableSpan
            let got = descriptor.read(at: offset, into: BorrowedMemory(&span))
            guard got >= 0 else {
                throw ReactorError(.init(rawValue: Int32(got)), "read the file to send")
            }
            bytes.removeLast(count - got)
            return bytes
        }
    }
}

extension LoopBound where State == StreamCore {
    /// Sends a part of a file, as one piece among the writes. How many bytes it had.
    func send(_ file: OutgoingFile) async throws -> Int {
        try await hold()
        defer { release() }
        let range = file.range
        var offset = range.lowerBound
        var sinceYield = 0
        while offset < range.upperBound {
            try Task.checkCancellation()
            let count = min(range.upperBound - offset, OutgoingFile.step)
            let sent = try await sendSome(file, offset, count)
            if sent == 0 { break }
            offset += sent
            sinceYield += sent
            // A megabyte at a time, so that a fast peer cannot hold the others up.
            if sinceYield >= 1 << 20 {
                sinceYield = 0
                await Task.yield()
            }
        }
        return offset - range.lowerBound
    }

    /// At least one byte, unless the file has ended.
    private func sendSome(_ file: OutgoingFile, _ offset: Int, _ count: Int) async throws -> Int {
        while file.descriptor.isCached(at: offset, count: count) {
            let stream = try holder()
            guard stream.medium.isSocket else { break }
            let sent = stream.descriptor.send(file: file.descriptor, at: offset, count: count)
            if sent >= 0 {
                stream.core.transfers.sentFromFiles += sent
                return sent
            }
            if Descriptor.isUnsupported(sent) { break }
            try stream.noteWritten(sent)
            try await waitForRoom()
        }
        let bytes = try await file.read(at: offset, upTo: count)
        try await sendCopied(bytes)
        return bytes.count
    }

    private func sendCopied(_ bytes: [UInt8]) async throws {
        var done = 0
        while done < bytes.count {
            let stream = try holder()
            let sent = try stream.send(BorrowedMemory(keptAlive: bytes).dropFirst(done))
            stream.core.transfers.copiedFromFiles += sent
            done += sent
            if sent == 0 { try await waitForRoom() }
        }
    }
}
