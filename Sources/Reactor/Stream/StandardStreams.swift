// The process's own standard streams, shared with whoever started it, as ends of pipes.

extension PipeReader {
    /// This process's standard input: a pipe, a terminal, a socket or a file.
    ///
    /// One reader at a time; the descriptor itself stays open when it is closed. It need not be
    /// closed. A pipe or terminal is opened anew where the system allows, so that no flag of the
    /// one that is shared with a shell changes; else O_NONBLOCK is set, and put back when the
    /// reader closes, or at exit. A file is read on the blocking pool: `program < file` works.
    ///
    /// - Throws: ``ReactorError/Code/busy`` if there is a reader already;
    ///   ``ReactorError/Code/badDescriptor`` if the process has no standard input;
    ///   ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: `uv_pipe_open` and `uv_tty_init`.
    public static func standardInput() async throws -> PipeReader {
        try await StandardStream.input.open { stream, loop in
            PipeReader(
                standard: try stream.stream(on: loop).map { .stream($0) }
                    ?? .file(
                        FileSource(stream.descriptor, stream.name) { stream.giveBack() }))
        }
    }
}

extension PipeWriter {
    /// This process's standard output: a pipe, a terminal, a socket or a file.
    ///
    /// As ``PipeReader/standardInput()``. A write returns once its bytes have left this process, so
    /// nothing is lost at exit.
    ///
    /// - Throws: As ``PipeReader/standardInput()``.
    ///
    /// libuv: `uv_pipe_open` and `uv_tty_init`.
    public static func standardOutput() async throws -> PipeWriter {
        try await StandardStream.output.open(writer)
    }

    /// This process's standard error, as ``standardOutput()``.
    ///
    /// - Throws: As ``PipeReader/standardInput()``.
    ///
    /// libuv: `uv_pipe_open` and `uv_tty_init`.
    public static func standardError() async throws -> PipeWriter {
        try await StandardStream.error.open(writer)
    }

    @Sendable private static func writer(
        _ stream: StandardStream, _ loop: EventLoop
    ) throws(ReactorError) -> PipeWriter {
        PipeWriter(
            standard: try stream.stream(on: loop).map { .stream($0) }
                ?? .file(FileSink(stream.descriptor, stream.name) { stream.giveBack() }))
    }
}

/// One of the three, by its descriptor.
enum StandardStream: Int32 {
    case input, output, error

    var descriptor: Descriptor { Descriptor(number: rawValue) }

    var name: String {
        switch self {
        case .input: "standard input"
        case .output: "standard output"
        case .error: "standard error"
        }
    }

    private static let taken = Locked<Set<StandardStream>>([])

    /// Makes the one user of this stream.
    func open<End: Sendable>(
        _ make: @escaping @Sendable (StandardStream, EventLoop) throws -> End
    ) async throws -> End {
        try Task.checkCancellation()
        let isFirst = Self.taken.withLock { $0.insert(self).inserted }
        guard isFirst else { throw ReactorError(.busy, "use \(name)") }
        do {
            let loop = try EventLoop.forNewObjects()
            return try await loop.make { try make(self, loop) }
        } catch {
            giveBack()
            throw error
        }
    }

    /// The next one may use it.
    func giveBack() {
        StandardFlags.restore(descriptor)
        _ = Self.taken.withLock { $0.remove(self) }
    }

    /// A stream of it on the loop; `nil` if it is one that cannot be polled.
    func stream(on loop: EventLoop) throws(ReactorError) -> StreamHandle? {
        let kind = try descriptor.kind("use \(name)")
        switch kind {
        case .pipe, .socket, .characterDevice: break
        default: return nil
        }
        let own = try ownDescriptor(kind)
        do throws(ReactorError) {
            let name = StreamCore.Peer.Name(name, released: { giveBack() })
            return try PipeEnd.adopt(
                own, self == .input ? .pipeReader : .pipeWriter, peer: .named(name), on: loop)
        } catch {
            own.close()
            // /dev/null, which never waits.
            if error.code == .invalidArgument { return nil }
            throw error
        }
    }

    /// Something to close that is the same stream.
    private func ownDescriptor(_ kind: Descriptor.Kind) throws(ReactorError) -> Descriptor {
        if kind == .pipe || descriptor.isTerminal,
            let own = descriptor.reopened(for: self == .input ? .reading : .writing)
        {
            return own
        }
        StandardFlags.keep(descriptor)
        return try descriptor.duplicate()
    }
}
