// The end of a pipe that bytes go into.

public import SystemPackage

/// The writing end of a pipe or FIFO, or whatever else a program writes as one: a terminal, a
/// standard stream.
///
/// Get one from ``makePipe()``, ``open(_:)``, ``adopt(_:)``, ``standardOutput()`` or
/// ``standardError()``. It lives on the loop where it was made, and can be used from any task. When
/// its last reader has closed, a write throws ``ReactorError/Code/brokenPipe``; no signal is
/// raised. End it with ``finish()`` or ``close()``; one that is dropped without is closed and
/// reported once to the log.
public final class PipeWriter: ByteWriter {
    /// Where the bytes go.
    enum Sink: Sendable {
        case stream(StreamHandle)
        /// What cannot be polled: a standard output that is a file.
        case file(FileSink)
    }

    let sink: Sink
    /// A standard stream: nobody need close it, and what a write has returned from is out.
    private let isStandard: Bool

    init(_ handle: StreamHandle) {
        sink = .stream(handle)
        isStandard = false
    }

    init(standard sink: Sink) {
        self.sink = sink
        isStandard = true
    }

    deinit {
        switch sink {
        case .stream(let handle) where isStandard: handle.drop()
        case .stream(let handle):
            handle.drop { [handle] in "a writer to \(handle.constant { $0.peer })" }
        case .file(let file): file.abort()
        }
    }

    /// Writes borrowed bytes.
    ///
    /// Returns without suspending when the pipe has room for all; else what is left is copied, and
    /// the call returns once less than 64 KiB wait. On a standard stream it returns once all of it
    /// has left this process.
    ///
    /// Cancelling stops the waiting only.
    ///
    /// libuv: `uv_poll_start`, and `write`.
    public func write(_ bytes: Span<UInt8>) async throws {
        switch sink {
        case .stream(let handle):
            try await handle.write(bytes)
            if isStandard { try await handle.flush() }
        case .file(let file): try await file.write(bytes)
        }
    }

    /// Writes owned bytes: as with a span, but what must wait is kept, not copied.
    ///
    /// Cancelling stops the waiting only.
    ///
    /// libuv: `uv_poll_start`, and `write`.
    public func write(_ bytes: [UInt8]) async throws {
        switch sink {
        case .stream(let handle):
            try await handle.write(bytes)
            if isStandard { try await handle.flush() }
        case .file(let file): try await file.write([bytes])
        }
    }

    /// Writes several arrays as one.
    ///
    /// Cancelling stops the waiting only.
    ///
    /// libuv: `uv_poll_start`, and `writev`.
    public func write(contentsOf parts: [[UInt8]]) async throws {
        switch sink {
        case .stream(let handle):
            try await handle.write(contentsOf: parts)
            if isStandard { try await handle.flush() }
        case .file(let file): try await file.write(parts)
        }
    }

    /// Waits until everything written has left this process, then closes the pipe: its readers see
    /// the end.
    ///
    /// Cancelling stops the waiting only. The readers of a standard stream see the end when the
    /// process exits: its descriptor stays open.
    ///
    /// libuv: `uv_shutdown`, here `close`.
    public func finish() async throws {
        switch sink {
        case .stream(let handle): try await handle.finish()
        case .file(let file): try await file.finish()
        }
    }

    /// Writes what is unsent for at most two seconds, and releases it.
    ///
    /// Never throws, may be called often, works in a cancelled task. What could not be written in
    /// time is dropped, and reported to the log.
    ///
    /// libuv: `uv_close`.
    public func close() async {
        await close(flushingFor: .seconds(2))
    }

    /// ``close()`` with a limit of your own for writing what is unsent.
    ///
    /// Works in a cancelled task.
    public func close(flushingFor limit: Duration) async {
        switch sink {
        case .stream(let handle): await handle.close(flushFor: limit)
        case .file(let file): await file.close()
        }
    }

    /// Releases it at once; what was unsent is dropped.
    ///
    /// The readers see the end, as after ``finish()``: a pipe has no reset. Does not suspend.
    public func abort() {
        switch sink {
        case .stream(let handle): handle.abort()
        case .file(let file): file.abort()
        }
    }
}

extension PipeWriter {
    /// Opens a FIFO for writing.
    ///
    /// Suspends until somebody has it open for reading, as the system's own `open` does; the kernel
    /// has no notice of that, so it is tried again every few milliseconds, at most every fifty.
    /// Cancelling ends the wait at once.
    ///
    /// - Throws: The system's code, as ``ReactorError/Code/noSuchFile`` or
    ///   ``ReactorError/Code/accessDenied``; ``ReactorError/Code/invalidArgument`` if the path
    ///   leads to something else than a FIFO; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`.
    ///
    /// libuv: `uv_pipe_open`, here `open` and `uv_poll_start`.
    public static func open(_ path: FilePath) async throws -> PipeWriter {
        var pause = Duration.milliseconds(1)
        while true {
            do {
                let descriptor = try await PipeEnd.open(path, .writing)
                return PipeWriter(try await PipeEnd.make(descriptor, .pipeWriter, path.description))
            } catch let error as ReactorError where error.code == .noSuchDevice {
                try await EventLoop.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(50))
            }
        }
    }

    /// Takes over an open descriptor that can be written as a pipe: of a pipe, a terminal, a
    /// socket.
    ///
    /// From here on the descriptor is the writer's to close; children no longer inherit it, and it
    /// no longer blocks, nor does any other descriptor of the same open file. If this throws, the
    /// descriptor is still the caller's.
    ///
    /// - Throws: ``ReactorError/Code/badDescriptor`` if it is not open;
    ///   ``ReactorError/Code/invalidArgument`` if it is of the wrong kind, as a regular file, or
    ///   not open for writing; ``ReactorError/Code/loopClosed``; `CancellationError`.
    ///
    /// libuv: `uv_pipe_open`.
    public static func adopt(_ descriptor: FileDescriptor) async throws -> PipeWriter {
        PipeWriter(try await PipeEnd.adopt(descriptor.rawValue, .pipeWriter))
    }
}
