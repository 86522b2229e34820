// Where datagrams land and from where they leave, many with one system call.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Room for one call on many datagrams, in and out: one for all sockets of a loop.
///
/// It takes 4 MiB of addresses, of memory only what datagrams have touched.
@safe final class DatagramLanding {
    /// How many datagrams one call receives at most.
    static let slots = Int(REACTOR_DATAGRAM_SLOTS)

    private let all: OpaquePointer
    private let arrivals: UnsafeMutablePointer<reactor_arrival>

    init() {
        // SAFETY: made here, freed in `deinit`; the entries live as long.
        unsafe all = reactor_datagrams_make()
        unsafe arrivals = reactor_datagrams_arrivals(all)
    }

    deinit {
        // SAFETY: nobody has this object any more.
        unsafe reactor_datagrams_free(all)
    }

    // MARK: Receiving

    /// What came, and where it lies until the next call.
    struct Arrival {
        let memory: BorrowedMemory
        let from: SocketAddress
        let isTruncated: Bool
    }

    /// Receives at most `want` datagrams, the first into `own` if there is some. Their number, or a
    /// negated errno.
    @inline(__always)
    func receive(
        from descriptor: Descriptor, want: Int, own: BorrowedMemory?, singly: Bool
    ) -> Int {
        // SAFETY: `own` outlives the call, which keeps no pointer; C bounds everything else.
        unsafe Int(
            reactor_datagrams_receive(
                all, descriptor.number, Int32(want), own?.base, own?.count ?? 0, singly))
    }

    /// The datagram at `index` of the last call, which brought more than that.
    @inline(__always)
    func arrival(_ index: Int, own: BorrowedMemory? = nil) -> Arrival {
        precondition(index < Self.slots)
        // SAFETY: within the bounds just checked; filled by the call.
        let arrival = unsafe arrivals[index]
        let slot = unsafe reactor_datagrams_slot(all, Int32(index))
        let memory =
            unsafe own?.prefix(Int(arrival.count))
            ?? BorrowedMemory(base: slot, count: Int(arrival.count))
        return Arrival(
            memory: memory, from: SocketAddress(arrival.from), isTruncated: arrival.is_truncated)
    }

    // MARK: Sending

    /// What a send came to: how many datagrams left; if none did, the negated errno and how many
    /// datagrams it is about.
    struct Sent {
        let count: Int
        let status: Int
        let members: Int
    }

    /// Adds a datagram to the next send, which must follow while `memory` is in place. False: full.
    @inline(__always)
    func add(_ memory: BorrowedMemory, to address: SocketAddress?, segmented: Bool) -> Bool {
        // SAFETY: the caller keeps the bytes in place until `send`.
        unsafe reactor_datagrams_add(
            all, memory.base, memory.count, reactor_address(address), segmented)
    }

    func send(on descriptor: Descriptor, singly: Bool) -> Sent {
        // SAFETY: what was added is in place.
        let sent = unsafe reactor_datagrams_send(all, descriptor.number, singly)
        return Sent(
            count: Int(sent.sent), status: -Int(sent.failure), members: Int(sent.members))
    }
}

extension SocketAddress {
    /// As the kernel wrote it.
    @inline(__always)
    init(_ numbers: reactor_address) {
        self.init(
            .ip(
                IP(
                    octets: Octets(high: numbers.high, low: numbers.low), scopeID: numbers.scope,
                    port: numbers.port, isIPv6: numbers.family != 4)))
    }
}

extension reactor_address {
    /// No address for `nil`, nor for one that is not of the Internet's.
    @inline(__always)
    init(_ address: SocketAddress?) {
        guard case .ip(let ip) = address?.storage else {
            self.init()
            return
        }
        self.init(
            high: ip.octets.high, low: ip.octets.low, scope: ip.scopeID, port: ip.port,
            family: ip.isIPv6 ? 6 : 4)
    }
}

extension Descriptor {
    /// Sends one datagram: zero, or a negated errno.
    @inline(__always)
    func sendDatagram(_ memory: BorrowedMemory, to address: SocketAddress?) -> Int {
        while true {
            // SAFETY: `memory` outlives this call, which keeps no pointer.
            let count = unsafe reactor_send_datagram(
                number, memory.base, memory.count, reactor_address(address))
            if count >= 0 { return 0 }
            if errno != EINTR { return -Int(errno) }
        }
    }
}
