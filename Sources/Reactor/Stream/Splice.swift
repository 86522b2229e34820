// Pumping between two descriptors inside the kernel, through a pipe that holds what is under way.

/// A stream that stands on a descriptor of its loop.
protocol DescriptorStream {
    /// The loop's side; `nil` for one that is none, as a standard stream that is a file.
    var streamHandle: StreamHandle? { get }
}

extension PipeReader: DescriptorStream {
    var streamHandle: StreamHandle? {
        if case .stream(let handle) = source { handle } else { nil }
    }
}

extension PipeWriter: DescriptorStream {
    var streamHandle: StreamHandle? {
        if case .stream(let handle) = sink { handle } else { nil }
    }
}

/// The bytes of `reader` to `writer` by `splice`, where both are descriptors of one loop. How many
/// went that way, and whether that was all: what is left is to be copied.
func splice(
    from reader: some ByteReader, to writer: some ByteWriter
) async throws -> (count: Int, isAll: Bool) {
    guard let source = (reader as? any DescriptorStream)?.streamHandle,
        let sink = (writer as? any DescriptorStream)?.streamHandle, source.loop == sink.loop,
        source.constant({ $0.medium != .terminal }), sink.constant({ $0.medium != .terminal }),
        let (exit, entry) = try? Descriptor.pipe()
    else { return (0, false) }
    defer {
        exit.close()
        entry.close()
    }
    entry.setPipeSize(Int32(SplicePump.capacity))
    let pump = SplicePump(source: source, sink: sink, entry: entry, exit: exit)
    return try await source.loop.submit { try await pump.run() }
}

private struct SplicePump: Sendable {
    static let capacity = 256 * 1024

    let source: StreamHandle
    let sink: StreamHandle
    let entry: Descriptor
    let exit: Descriptor

    private enum Taken {
        case moved(Int)
        /// There is something in this process to read first.
        case buffered
        case end
        /// The kernel cannot, between these two.
        case unsupported
    }

    func run() async throws -> (count: Int, isAll: Bool) {
        try source.onLoop().tap(true)
        defer { source.ifHere?.tap(false) }
        var total = 0
        var sinceYield = 0
        while true {
            try Task.checkCancellation()
            // What this process holds already comes first.
            if try source.onLoop().inbound.unread > 0 {
                guard let bytes = try await source.read(upTo: 65_536) else { return (total, true) }
                try await sink.write(bytes)
                total += bytes.count
                continue
            }
            switch try await take() {
            case .buffered: continue
            case .end: return (total, true)
            case .unsupported: return (total, false)
            case .moved(let count):
                try await pass(count)
                total += count
                sinceYield += count
            }
            // A megabyte at a time, so that a fast peer cannot hold the others up.
            if sinceYield >= 1 << 20 {
                sinceYield = 0
                await Task.yield()
            }
        }
    }

    /// Moves what has come into the pipe.
    private func take() async throws -> Taken {
        let stream = try source.onLoop()
        // A wait for readiness also tells of an end, or a failure, that is known already.
        if stream.inbound.isOpen {
            let count = stream.descriptor.splice(to: entry, count: Self.capacity)
            if count > 0 { return .moved(count) }
            if Descriptor.isUnsupported(count) { return .unsupported }
            if count == 0 || ReactorError.Code(rawValue: Int32(count)) != .wouldBlock {
                stream.wake(stream.take(count, .none))
            }
        }
        return try await source.waitForBytes() ? .buffered : .end
    }

    /// Empties the pipe into the sink, as one piece among its writes.
    private func pass(_ count: Int) async throws {
        try await sink.hold()
        defer { sink.release() }
        var left = count
        while left > 0 {
            let stream = try sink.holder()
            let moved = exit.splice(to: stream.descriptor, count: left)
            if moved > 0 {
                left -= moved
                stream.core.transfers.spliced += moved
            } else if Descriptor.isUnsupported(moved) {
                left -= try await copyOut(left)
            } else {
                try stream.noteWritten(moved)
                try await sink.waitForRoom()
            }
        }
    }

    /// What a sink that takes no `splice` gets from the pipe all the same.
    private func copyOut(_ left: Int) async throws -> Int {
        let landing = try sink.holder().core.landing.prefix(left)
        let bytes = landing.copy(prefix: max(0, exit.read(into: landing)))
        var done = 0
        while done < bytes.count {
            let sent = try sink.holder().send(BorrowedMemory(keptAlive: bytes).dropFirst(done))
            done += sent
            if sent == 0 { try await sink.waitForRoom() }
        }
        return bytes.count
    }
}
