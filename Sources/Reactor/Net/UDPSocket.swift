// A UDP socket: datagrams in, datagrams out, one at a time or many.

/// A socket for datagrams: bound to an address of this machine, or connected to one peer.
///
/// A bound socket receives from anybody and sends to any address; a connected one does both with
/// its peer alone. Close it with ``close()``; one that is dropped closes.
///
/// Usable from any task, thread or actor; from a task on its own ``loop`` no call changes threads.
/// It lives on the loop where it was made. One task receives at a time, any number sends.
///
/// Nothing is taken from the kernel but for a task that receives, and a little ahead of it: where
/// nobody does, the kernel drops what it has no room for, and ``statistics()`` says how much.
public final class UDPSocket: Sendable {
    let handle: LoopBound<UDPCore>

    /// This side's address, with the port that the system chose where 0 was asked for.
    public let localAddress: SocketAddress

    /// The peer of a connected socket; `nil` for a bound one.
    public let remoteAddress: SocketAddress?

    private init(_ core: UDPCore, on loop: EventLoop) {
        handle = LoopBound(core, on: loop)
        localAddress = core.address
        remoteAddress = core.peer
    }

    deinit { handle.carry { $0.close() } }

    /// The loop it lives on.
    public var loop: EventLoop { handle.loop }

    // MARK: Making

    /// Receives at an address.
    ///
    /// Lives on the current loop; elsewhere on the task's home loop, or a shared one.
    ///
    /// - Parameters:
    ///   - address: Where; port 0 lets the system choose, `0.0.0.0` and `::` are all addresses.
    ///   - options: `localAddress` is not among those used.
    /// - Returns: The socket, which is its maker's to close.
    /// - Throws: ``ReactorError/Code/addressInUse`` and other codes of the system;
    ///   ``ReactorError/Code/invalidArgument``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`. Nothing is left open then.
    ///
    /// libuv: `uv_udp_bind`, here `bind` and `uv_poll_init`.
    public static func bind(
        to address: SocketAddress, options: UDPOptions = UDPOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UDPSocket {
        try await make(at: address, to: nil, options, PlaceID(fileID, line))
    }

    /// Receives at a host's first address: a numeric one, or a name to be looked up.
    ///
    /// - Throws: As ``bind(to:options:)``; ``ReactorError/Code/hostNotFound`` and other codes of
    ///   the name service.
    public static func bind(
        host: String, port: Int, options: UDPOptions = UDPOptions(),
        resolver: any Resolver = SystemResolver.shared,
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UDPSocket {
        let addresses = try await resolver.resolve(host, port: port)
        return try await bind(to: addresses[0], options: options, fileID: fileID, line: line)
    }

    /// Sends to one peer, and receives from nobody else.
    ///
    /// Asks nothing of the peer: that nobody is there shows when a datagram was sent, as
    /// ``ReactorError/Code/connectionRefused``, thrown once by the next send or receive. Such a
    /// socket stays usable. Lives on the current loop; elsewhere on the task's home loop, or a
    /// shared one.
    ///
    /// - Throws: ``ReactorError/Code/networkUnreachable`` and other codes of the system;
    ///   ``ReactorError/Code/invalidArgument``; ``ReactorError/Code/loopClosed``;
    ///   `CancellationError`. Nothing is left open then.
    ///
    /// libuv: `uv_udp_connect`, here `connect` and `uv_poll_init`.
    public static func connect(
        to address: SocketAddress, options: UDPOptions = UDPOptions(),
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UDPSocket {
        try await make(at: options.localAddress, to: address, options, PlaceID(fileID, line))
    }

    /// Sends to a host's first address: a numeric one, or a name to be looked up.
    ///
    /// - Throws: As ``connect(to:options:)``; ``ReactorError/Code/hostNotFound`` and other codes of
    ///   the name service.
    public static func connect(
        host: String, port: Int, options: UDPOptions = UDPOptions(),
        resolver: any Resolver = SystemResolver.shared,
        fileID: String = #fileID, line: Int = #line
    ) async throws -> UDPSocket {
        let addresses = try await resolver.resolve(host, port: port)
        return try await connect(
            to: addresses[0], options: options, fileID: fileID, line: line)
    }

    private static func make(
        at local: SocketAddress?, to peer: SocketAddress?, _ options: UDPOptions,
        _ place: PlaceID
    ) async throws -> UDPSocket {
        try Task.checkCancellation()
        let loop = try EventLoop.forNewObjects()
        return try await loop.make {
            let (descriptor, address) = try Descriptor.datagrams(at: local, to: peer, options)
            let core = try UDPCore(
                descriptor, at: address, to: peer, singly: options.sendsAndReceivesSingly,
                on: loop.core)
            core.madeAt = place
            return UDPSocket(core, on: loop)
        }
    }

    // MARK: Groups, and the end

    /// Receives what is sent to a multicast group too.
    ///
    /// Suspends only away from the loop.
    ///
    /// - Parameters:
    ///   - group: Its address; the port does not matter.
    ///   - interface: The name of the interface to listen on; `nil` lets the system choose one.
    /// - Throws: ``ReactorError/Code/invalidArgument`` for no such interface,
    ///   ``ReactorError/Code/refusedArgument`` for no such group, and other codes of the system;
    ///   ``ReactorError/Code/familyNotSupported``; ``ReactorError/Code/closed``;
    ///   `CancellationError`.
    ///
    /// libuv: `uv_udp_set_membership`, here MCAST_JOIN_GROUP.
    public func join(_ group: SocketAddress, on interface: String? = nil) async throws {
        try await change(group, interface, joins: true)
    }

    /// Receives no longer what is sent to a group that was joined.
    ///
    /// As ``join(_:on:)`` otherwise.
    ///
    /// libuv: `uv_udp_set_membership`, here MCAST_LEAVE_GROUP.
    public func leave(_ group: SocketAddress, on interface: String? = nil) async throws {
        try await change(group, interface, joins: false)
    }

    private func change(_ group: SocketAddress, _ interface: String?, joins: Bool) async throws {
        try Task.checkCancellation()
        try await loop.make {
            try self.handle.here.multicast(group, on: interface, joins: joins)
        }
    }

    /// What it has done and seen so far.
    ///
    /// Suspends only away from the loop.
    ///
    /// - Throws: ``ReactorError/Code/loopClosed``; `CancellationError`.
    public func statistics() async throws -> UDPStatistics {
        try Task.checkCancellation()
        return try await loop.make { self.handle.here.currentStatistics }
    }

    /// Stops receiving and releases the port.
    ///
    /// Whoever waits to receive or to send gets ``ReactorError/Code/closed``. Does not suspend, may
    /// be called often.
    ///
    /// libuv: `uv_close`.
    public func close() { handle.carry { $0.close() } }
}

/// What a UDP socket has done and seen.
public struct UDPStatistics: Sendable, Hashable {
    /// Datagrams taken from the kernel.
    public internal(set) var received = 0
    /// Datagrams that the kernel took.
    public internal(set) var sent = 0
    /// System calls that received, or tried to.
    public internal(set) var receiveCalls = 0
    /// System calls that sent, or tried to.
    public internal(set) var sendCalls = 0
    /// Those of them whose datagrams the kernel cut from larger pieces (UDP_SEGMENT).
    public internal(set) var segmentedCalls = 0
    /// Datagrams that the kernel dropped, as a rule because nobody received; `nil` where it does
    /// not tell, as on systems other than Linux.
    public internal(set) var dropped: Int?
}

extension UDPCore {
    var currentStatistics: UDPStatistics {
        // A closed socket has no number to ask by; what it had is kept.
        if end == nil { statistics.dropped = descriptor.droppedDatagrams }
        return statistics
    }

    func multicast(
        _ group: SocketAddress, on interface: String?, joins: Bool
    ) throws(ReactorError) {
        if let end { throw end }
        guard group.family == address.family else {
            throw ReactorError(
                .familyNotSupported, "\(joins ? "join" : "leave") \(group.ip) on \(address)")
        }
        try descriptor.multicast(group, on: interface, joins: joins)
    }
}
