// The system's own resolver: `getaddrinfo` and `getnameinfo`, on threads of their own.

/// Looks names up as the system does: hosts file, name servers, whatever the machine is set up for.
///
/// The calls block, so they run on a pool of their own: a slow name server holds up no loop and no
/// other blocking work. Those who ask the same thing at the same time share one call. A numeric
/// host is read on the spot, and what cannot be a name is refused there, without a thread.
///
/// A call that has begun cannot be stopped. When everybody who waits for it has been cancelled it
/// goes on for nobody, keeps its thread, and is counted as abandoned; who asks the same in the
/// meantime shares it. As many calls as the pool has threads can hang at a time (16 unless the
/// resolver was made for more): further ones wait for a thread.
public final class SystemResolver: Resolver {
    /// The resolver used where no other is named.
    public static let shared = SystemResolver()

    let pool: BlockingPool
    private let addresses: SharedLookups<AddressLookup.Question, [SocketAddress]>
    private let names: SharedLookups<SocketAddress, String>

    /// What a look-up may ask for beyond a family.
    public struct Flags: OptionSet, Sendable, Hashable {
        /// As in any option set.
        public let rawValue: Int
        /// As in any option set.
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// Only families that an interface of this machine has an address of (AI_ADDRCONFIG).
        public static let onlyConfigured = Flags(rawValue: 1)
        /// IPv4 addresses as IPv6 ones where a host has no others and IPv6 is asked for
        /// (AI_V4MAPPED).
        public static let mapped = Flags(rawValue: 2)
        /// With ``mapped``: both kinds, wherever a host has both (AI_ALL).
        public static let all = Flags(rawValue: 4)
    }

    /// What a resolver is doing, and has done.
    public struct Statistics: Sendable, Hashable {
        /// Calls that wait for a thread or an answer.
        public var inFlight = 0
        /// Of these, calls that have begun and that nobody waits for any more.
        public var abandoned = 0
        /// Calls to the system so far; numeric hosts and refused names need none.
        public var calls = 0
        /// Askers so far who shared the call of an earlier one.
        public var shared = 0
    }

    /// Makes a resolver with threads of its own.
    ///
    /// They start when needed and leave when idle; one that is dropped finishes its calls.
    ///
    /// - Parameters:
    ///   - name: Names the threads.
    ///   - maxThreads: The most calls at a time.
    public convenience init(name: String = "reactor-dns", maxThreads: Int = 16) {
        self.init(name: name, maxThreads: maxThreads) { question throws(ReactorError) in
            try AddressLookup.addresses(question)
        } findName: { address throws(ReactorError) in
            try AddressLookup.name(of: address)
        }
    }

    init(
        name: String = "reactor-dns", maxThreads: Int = 16,
        find: @escaping @Sendable (AddressLookup.Question) throws(ReactorError) -> [SocketAddress],
        findName: @escaping @Sendable (SocketAddress) throws(ReactorError) -> String
    ) {
        pool = BlockingPool(name: name, maxThreads: maxThreads)
        addresses = SharedLookups(on: pool, find)
        names = SharedLookups(on: pool, findName)
    }

    /// The addresses of `host`, each once, in the order of the system's preference.
    ///
    /// Suspends until there is an answer; a numeric host or a refused name does not. Cancelling
    /// returns at once, and the call goes on for those who share it.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for what is no host name or port, before
    ///   anything is asked; ``ReactorError/Code/hostNotFound`` and the other codes of the name
    ///   service; `CancellationError`.
    ///
    /// libuv: `uv_getaddrinfo`.
    public func addresses(of host: String, port: Int) async throws -> [SocketAddress] {
        try await addresses(of: host, port: port, family: nil)
    }

    /// The addresses of `host` in one family; as ``addresses(of:port:)`` otherwise.
    ///
    /// - Throws: ``ReactorError/Code/hostFamilyMismatch`` where a numeric host is of the other
    ///   family; as ``addresses(of:port:)`` otherwise.
    ///
    /// libuv: `uv_getaddrinfo`.
    public func addresses(
        of host: String, port: Int, family: SocketAddress.Family?, flags: Flags = []
    ) async throws -> [SocketAddress] {
        try Task.checkCancellation()
        let number = try HostName.port(port)
        var question = try Self.question(host, family, flags)
        if let address = NumericAddress.parse(host, port: number) {
            return [try Self.numeric(address, family, flags)]
        }
        try HostName.check(host)
        question.isNumeric = false
        return try await addresses.answer(question).map { $0.with(port: number) }
    }

    /// The addresses of `host` with the port of a TCP service: `"https"`, or a number.
    ///
    /// The table of services is looked up as host names are, on the resolver's threads; a number
    /// is not looked up.
    ///
    /// - Throws: ``ReactorError/Code/serviceNotFound``; as ``addresses(of:port:)`` otherwise.
    ///
    /// libuv: `uv_getaddrinfo`.
    public func addresses(
        of host: String, service: String, family: SocketAddress.Family? = nil, flags: Flags = []
    ) async throws -> [SocketAddress] {
        try Task.checkCancellation()
        try HostName.check(service: service)
        if service.utf8.allSatisfy({ (48...57).contains($0) }) {
            let port = Int(service) ?? .max
            return try await addresses(of: host, port: port, family: family, flags: flags)
        }
        var question = try Self.question(host, family, flags)
        question.service = service
        question.isNumeric = NumericAddress.parse(host, port: 0) != nil
        if !question.isNumeric { try HostName.check(host) }
        return try await addresses.answer(question)
    }

    /// The name of the host that has `address`, as the system knows it.
    ///
    /// Suspends until there is an answer. Cancelling returns at once.
    ///
    /// - Throws: ``ReactorError/Code/hostNotFound`` where the address has no name, and the other
    ///   codes of the name service; ``ReactorError/Code/invalidArgument`` for a Unix socket's
    ///   address; `CancellationError`.
    ///
    /// libuv: `uv_getnameinfo`.
    public func name(of address: SocketAddress) async throws -> String {
        try Task.checkCancellation()
        if address.family == .unix {
            throw ReactorError(.invalidArgument, "look up the name of \(address)")
        }
        return try await names.answer(address.with(port: 0))
    }

    /// What the resolver is doing now, and has done.
    public var statistics: Statistics {
        let (forward, reverse) = (addresses.counts, names.counts)
        return Statistics(
            inFlight: forward.inFlight + reverse.inFlight,
            abandoned: forward.abandoned + reverse.abandoned,
            calls: forward.calls + reverse.calls, shared: forward.shared + reverse.shared)
    }

    private static func question(
        _ host: String, _ family: SocketAddress.Family?, _ flags: Flags
    ) throws(ReactorError) -> AddressLookup.Question {
        if family == .unix {
            throw ReactorError(
                .invalidArgument, "look up a Unix socket by the name of a host")
        }
        return AddressLookup.Question(
            host: host, family: family, onlyConfigured: flags.contains(.onlyConfigured),
            mapped: flags.contains(.mapped), all: flags.contains(.all))
    }

    /// A numeric host in the family asked for, as the C library answers.
    private static func numeric(
        _ address: SocketAddress, _ family: SocketAddress.Family?, _ flags: Flags
    ) throws(ReactorError) -> SocketAddress {
        if family == nil || family == address.family { return address }
        if family == .ipv6, flags.contains(.mapped), let mapped = address.mapped { return mapped }
        throw ReactorError(.hostFamilyMismatch, "look up \(address.ip)")
    }
}

extension SocketAddress {
    /// An IPv4 address as an IPv6 one: `::ffff:127.0.0.1`.
    fileprivate var mapped: SocketAddress? {
        guard case .ip(let address) = storage, !address.isIPv6 else { return nil }
        return SocketAddress(
            ipv6: Octets(low: 0xFFFF << 32 | address.octets.high >> 32), port: address.port)
    }
}
