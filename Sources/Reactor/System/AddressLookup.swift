// The C library's look-up of host names, which blocks.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

enum AddressLookup {
    /// What an answer is: addresses in the resolver's order, or the two numbers that say why not.
    enum Answer {
        case addresses([SocketAddress])
        case failure(status: Int32, errno: Int32)
    }

    /// Asks for the stream addresses of `host`; blocks for as long as the resolver takes.
    static func addresses(of host: String, port: UInt16) -> Answer {
        // SAFETY: plain numbers and null pointers.
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = streamType
        var list: UnsafeMutablePointer<addrinfo>?
        // SAFETY: the name and the hints live through the call; it fills `list` only where it
        // answers zero.
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else { return .failure(status: status, errno: errno) }
        // SAFETY: the list is ours until it is freed here; copies are taken before.
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var seen: Set<SocketAddress> = []
        var next = unsafe list
        while let entry = unsafe next {
            if let raw = unsafe entry.pointee.ai_addr,
                let address = unsafe NumericAddress.address(at: UnsafeRawPointer(raw))
            {
                let complete = address.with(port: port)
                if seen.insert(complete).inserted { found.append(complete) }
            }
            unsafe next = entry.pointee.ai_next
        }
        return .addresses(found)
    }

    #if canImport(Glibc)
    private static var streamType: Int32 { Int32(SOCK_STREAM.rawValue) }
    #else
    private static var streamType: Int32 { SOCK_STREAM }
    #endif
}
