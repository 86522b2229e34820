// A TCP connection as bytes in, bytes out.

/// A TCP connection.
///
/// Usable from any task, thread or actor; from a task on its own ``loop`` no call changes threads.
/// It lives on the loop where it was made. Close it with ``close()``;
/// ``withConnection(host:port:options:resolver:_:)`` and ``TCPListener/serve(limit:drain:_:)`` do
/// that for you. One that is dropped without is closed and reported once to the log.
public final class TCPStream: ByteStream, AcceptedStream {
    let handle: StreamHandle

    /// This side's address.
    public var localAddress: SocketAddress { local.address }

    private let local: SharedAddress

    /// The peer's address.
    public var remoteAddress: SocketAddress { handle.constant { $0.peer.address! } }

    init(_ handle: StreamHandle, local: SharedAddress) {
        self.handle = handle
        self.local = local
    }

    deinit {
        handle.drop { [handle] in "a TCP stream to \(handle.constant { $0.peer })" }
    }

    /// The loop it lives on.
    public var loop: EventLoop { handle.loop }

    /// Reads what is there into `buffer`.
    ///
    /// Zero: the peer has finished.
    ///
    /// Suspends until there is something. What arrives while it waits is written into `buffer` by
    /// the kernel, without a copy. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// libuv: `uv_poll_start`, and `recv`.
    public func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        try await handle.read(into: &buffer)
    }

    /// Reads what is there, at most `maxBytes`, as an array of its size.
    ///
    /// `nil`: the peer has finished.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// libuv: `uv_poll_start`, and `recv`.
    public func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        try await handle.read(upTo: maxBytes)
    }

    /// Writes borrowed bytes.
    ///
    /// Returns without suspending when the kernel takes all; else what is left is copied, and the
    /// call returns once less than 64 KiB wait.
    ///
    /// Cancelling stops the waiting only.
    ///
    /// libuv: `uv_poll_start`, and `send`.
    public func write(_ bytes: Span<UInt8>) async throws {
        try await handle.write(bytes)
    }

    /// Writes owned bytes: as with a span, but what must wait is kept, not copied.
    ///
    /// Cancelling stops the waiting only.
    ///
    /// libuv: `uv_poll_start`, and `send`.
    public func write(_ bytes: [UInt8]) async throws {
        try await handle.write(bytes)
    }

    /// Writes several arrays as one.
    ///
    /// Cancelling stops the waiting only.
    ///
    /// libuv: `uv_poll_start`, and `sendmsg`.
    public func write(contentsOf parts: [[UInt8]]) async throws {
        try await handle.write(contentsOf: parts)
    }

    /// Waits until everything written has left this process, then ends this side (half-close).
    ///
    /// Reading goes on until the peer has finished too. Cancelling stops the waiting only.
    ///
    /// libuv: `uv_shutdown`, here `shutdown` itself.
    public func finish() async throws {
        try await handle.finish()
    }

    /// Sends what is unsent for at most two seconds, ends the connection and releases it.
    ///
    /// Never throws, may be called often, works in a cancelled task. What could not be sent in time
    /// is dropped with a reset, and reported to the log.
    ///
    /// libuv: `uv_close`.
    public func close() async {
        await close(flushingFor: .seconds(2))
    }

    /// ``close()`` with a limit of your own for sending what is unsent.
    ///
    /// Works in a cancelled task.
    public func close(flushingFor limit: Duration) async {
        await handle.close(flushFor: limit)
    }

    /// Ends the connection at once; the peer sees a reset.
    ///
    /// Does not suspend.
    ///
    /// libuv: `uv_tcp_close_reset`, here SO_LINGER and `uv_close`.
    public func abort() {
        handle.abort()
    }
}

/// An address that many streams have: that of the listener which accepted them.
final class SharedAddress: Sendable {
    let address: SocketAddress
    init(_ address: SocketAddress) { self.address = address }
}

extension TCPStream: DescriptorStream {
    var streamHandle: StreamHandle? { handle }
}
