// The C library's look-ups of names and addresses, which block.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

enum AddressLookup {
    /// What is asked, so that two who ask the same can share the answer.
    struct Question: Hashable, Sendable, CustomStringConvertible {
        var host: String
        /// `nil` asks for addresses with port 0.
        var service: String?
        var family: SocketAddress.Family?
        /// With a numeric host only the service is looked up.
        var isNumeric = false
        var onlyConfigured = false
        var mapped = false
        var all = false

        var description: String { service.map { "\(host):\($0)" } ?? host }
    }

    /// Asks for addresses of stream sockets, each once, in the resolver's order; blocks for as long
    /// as that takes.
    static func addresses(_ question: Question) throws(ReactorError) -> [SocketAddress] {
        // SAFETY: plain numbers and null pointers.
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = question.family.map(NumericAddress.domain) ?? AF_UNSPEC
        unsafe hints.ai_socktype = streamType
        unsafe hints.ai_flags = flags(of: question)
        var list: UnsafeMutablePointer<addrinfo>?
        // SAFETY: the texts and the hints live through the call; it fills `list` only where it
        // answers zero.
        let status = unsafe getaddrinfo(question.host, question.service, &hints, &list)
        let reason = errno
        guard status == 0 else {
            throw ReactorError(.init(lookupStatus: status, errno: reason), words(question))
        }
        // SAFETY: the list is ours until it is freed here; copies are taken before.
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var seen: Set<SocketAddress> = []
        var next = unsafe list
        while let entry = unsafe next {
            if let raw = unsafe entry.pointee.ai_addr,
                let address = unsafe NumericAddress.address(at: UnsafeRawPointer(raw)),
                seen.insert(address).inserted
            {
                found.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        if found.isEmpty { throw ReactorError(.hostHasNoAddress, words(question)) }
        return found
    }

    /// Asks for the name of the host that has `address`; blocks for as long as that takes.
    static func name(of address: SocketAddress) throws(ReactorError) -> String {
        var name = ""
        // SAFETY: `withSockaddr` lends an address of that size; the call writes at most the given
        // number of bytes, a terminator included, and nothing where it fails.
        let (status, reason) = unsafe NumericAddress.withSockaddr(address) { raw, size in
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: nameCapacity) { buffer in
                let base = buffer.baseAddress!
                let status = unsafe getnameinfo(
                    raw, size, base, socklen_t(nameCapacity), nil, 0, NI_NAMEREQD)
                let reason = errno
                if status == 0 { name = unsafe String(cString: base) }
                return (status, reason)
            }
        }
        guard status == 0 else {
            throw ReactorError(
                .init(lookupStatus: status, errno: reason), "look up the name of \(address.ip)")
        }
        return name
    }

    private static func words(_ question: Question) -> String {
        let host = question.host
        guard let service = question.service else { return "look up \(host)" }
        return "look up \(host), service \(service)"
    }

    private static func flags(of question: Question) -> Int32 {
        var flags: Int32 = 0
        if question.isNumeric { flags |= AI_NUMERICHOST }
        if question.onlyConfigured { flags |= AI_ADDRCONFIG }
        if question.mapped { flags |= AI_V4MAPPED }
        if question.all { flags |= AI_ALL }
        return flags
    }

    /// NI_MAXHOST, which is not always imported.
    private static let nameCapacity = 1025

    #if canImport(Glibc)
    private static var streamType: Int32 { Int32(SOCK_STREAM.rawValue) }
    #else
    private static var streamType: Int32 { SOCK_STREAM }
    #endif
}
