// A connection between processes of one machine, as bytes in, bytes out.

/// A Unix-domain connection.
///
/// Usable from any task, thread or actor; from a task on its own ``loop`` no call changes threads.
/// It lives on the loop where it was made. Close it with ``close()``;
/// ``withConnection(path:options:_:)`` and ``UnixListener/serve(limit:drain:_:)`` do that for you.
/// One that is dropped without is closed and reported once to the log.
///
/// Beside bytes it tells who is at the other end, ``peerCredentials()``, and carries descriptors:
/// ``send(_:with:)`` and ``receive(upTo:)``.
public final class UnixStream: ByteStream, AcceptedStream {
    let handle: StreamHandle

    /// This side's address; unnamed as a rule on the side that connected.
    public let localAddress: SocketAddress

    /// The peer's address; unnamed as a rule on the side that accepted.
    public let remoteAddress: SocketAddress

    /// Whether plain reads have descriptors to close.
    let receivesDescriptors: Bool

    init(_ handle: StreamHandle, local: SocketAddress, remote: SocketAddress) {
        self.handle = handle
        localAddress = local
        remoteAddress = remote
        receivesDescriptors = handle.constant { $0.unixPeer?.receivesDescriptors ?? false }
    }

    deinit {
        handle.drop { [handle] in "a Unix stream to \(handle.constant { $0.peer })" }
    }

    /// The loop it lives on.
    public var loop: EventLoop { handle.loop }

    /// Reads what is there into `buffer`.
    ///
    /// Zero: the peer has finished. Descriptors that came with these bytes are closed.
    ///
    /// Suspends until there is something. What arrives while it waits is written into `buffer` by
    /// the kernel, without a copy. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// libuv: `uv_poll_start`, and `recv`.
    public func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        let count = try await handle.read(into: &buffer)
        if receivesDescriptors { closePassed() }
        return count
    }

    /// Reads what is there, at most `maxBytes`, as an array of its size.
    ///
    /// `nil`: the peer has finished. Descriptors that came with these bytes are closed.
    ///
    /// Suspends until there is something. Cancelling throws `CancellationError` and loses nothing.
    ///
    /// libuv: `uv_poll_start`, and `recv`.
    public func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        let bytes = try await handle.read(upTo: maxBytes)
        if receivesDescriptors { closePassed() }
        return bytes
    }

    private func closePassed() {
        handle.carry { $0.unixPeer?.closePassed(unread: $0.inbound.unread) }
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
    /// is dropped, and reported to the log.
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

    /// Ends the connection at once: what was unsent is dropped.
    ///
    /// The peer reads what had been sent, and then the end: a Unix socket has no reset, except
    /// where something it sent was not read here. Does not suspend.
    ///
    /// libuv: `uv_close`.
    public func abort() {
        handle.abort()
    }
}

extension StreamCore {
    /// What only a Unix stream has.
    var unixPeer: UnixPeer? { if case .unix(let peer) = peer { peer } else { nil } }
}

// Descriptors that come with bytes which are moved on inside the kernel are closed by it.
extension UnixStream: DescriptorStream {
    var streamHandle: StreamHandle? { handle }
}
