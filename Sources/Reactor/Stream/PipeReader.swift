// The end of a pipe that bytes come out of.

public import SystemPackage

/// The reading end of a pipe or FIFO, or whatever else a program reads as one: a terminal, a
/// standard stream.
///
/// Get one from ``makePipe()``, ``open(_:staysOpen:)``, ``adopt(_:)`` or ``standardInput()``.
/// It lives on the loop where it was made, and can be used from any task. It ends, with `nil` or
/// zero, when the last writer has closed. Close it with ``close()``; one that is dropped without is
/// closed and reported once to the log.
public final class PipeReader: ByteReader {
    /// Where the bytes come from.
    enum Source: Sendable {
        case stream(StreamHandle)
        /// What cannot be polled: a standard input that is a file.
        case file(FileSource)
    }

    let source: Source
    private let isStandard: Bool

    init(_ handle: StreamHandle) {
        source = .stream(handle)
        isStandard = false
    }

    /// A standard stream, which nobody need close.
    init(standard source: Source) {
        self.source = source
        isStandard = true
    }

    deinit {
        switch source {
        case .stream(let handle) where isStandard: handle.drop()
        case .stream(let handle):
            handle.drop { [handle] in "a reader of \(handle.constant { $0.peer })" }
        case .file(let file): file.close()
        }
    }

    /// Reads what is there into `buffer`.
    ///
    /// Zero: every writer has closed.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// libuv: `uv_poll_start`, and `read`.
    public func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        switch source {
        case .stream(let handle): try await handle.read(into: &buffer)
        case .file(let file): try await file.read(into: &buffer)
        }
    }

    /// Reads what is there, at most `maxBytes`, as an array of its size.
    ///
    /// `nil`: every writer has closed.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// libuv: `uv_poll_start`, and `read`.
    public func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        switch source {
        case .stream(let handle): try await handle.read(upTo: maxBytes)
        case .file(let file): try await file.read(upTo: maxBytes)
        }
    }

    /// Releases it; the writers get ``ReactorError/Code/brokenPipe``.
    ///
    /// Never throws, may be called often, works in a cancelled task. A read that waits throws
    /// ``ReactorError/Code/closed``.
    ///
    /// libuv: `uv_close`.
    public func close() async {
        switch source {
        case .stream(let handle): await handle.close(flushFor: .zero)
        case .file(let file): file.close()
        }
    }

    /// As ``close()``, for where nothing can be awaited.
    ///
    /// Does not suspend.
    public func abort() {
        switch source {
        case .stream(let handle): handle.abort()
        case .file(let file): file.close()
        }
    }
}

extension PipeReader {
    /// Opens a FIFO for reading.
    ///
    /// Does not wait for a writer: the first read does. The reader ends when its last writer has
    /// closed, unless it `staysOpen`: then it waits for the next one, and ends by ``close()``.
    ///
    /// Cancelling is observed before the FIFO is opened.
    ///
    /// - Throws: The system's code, as ``ReactorError/Code/noSuchFile`` or
    ///   ``ReactorError/Code/accessDenied``; ``ReactorError/Code/invalidArgument`` if the path
    ///   leads to something else than a FIFO; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`.
    ///
    /// libuv: `uv_pipe_open`, here `open` and `uv_poll_start`.
    public static func open(_ path: FilePath, staysOpen: Bool = false) async throws -> PipeReader {
        let descriptor = try await PipeEnd.open(path, staysOpen ? .both : .reading)
        return PipeReader(try await PipeEnd.make(descriptor, .pipeReader, path.description))
    }

    /// Takes over an open descriptor that can be read as a pipe: of a pipe, a terminal, a socket.
    ///
    /// From here on the descriptor is the reader's to close; children no longer inherit it, and it
    /// no longer blocks, nor does any other descriptor of the same open file. If this throws, the
    /// descriptor is still the caller's.
    ///
    /// - Throws: ``ReactorError/Code/badDescriptor`` if it is not open;
    ///   ``ReactorError/Code/invalidArgument`` if it is of the wrong kind, as a regular file, or
    ///   not open for reading; ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: `uv_pipe_open`.
    public static func adopt(_ descriptor: FileDescriptor) async throws -> PipeReader {
        PipeReader(try await PipeEnd.adopt(descriptor.rawValue, .pipeReader))
    }
}
