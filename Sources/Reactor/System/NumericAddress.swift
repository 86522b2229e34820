// Addresses between text, `SocketAddress` and the kernel's `sockaddr`.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

enum NumericAddress {
    /// Strict: four decimal parts, or IPv6 with an optional `%interface`.
    static func parse(_ text: String, port: UInt16) -> SocketAddress? {
        guard !text.utf8.contains(0) else { return nil }
        var four = in_addr()
        // SAFETY: both forms of `inet_pton` fill exactly the variable they are given.
        if unsafe inet_pton(AF_INET, text, &four) == 1 {
            return SocketAddress(ipv4: octets(of: four), port: port)
        }
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var six = in6_addr()
        guard let host = parts.first, unsafe inet_pton(AF_INET6, String(host), &six) == 1 else {
            return nil
        }
        var scope: UInt32 = 0
        if parts.count == 2 {
            guard let index = interfaceIndex(String(parts[1])) else { return nil }
            scope = index
        }
        return SocketAddress(ipv6: octets(of: six), port: port, scopeID: scope)
    }

    static func text(of address: SocketAddress.IP) -> String {
        // SAFETY: `inet_ntop` writes at most the given size, a terminator included.
        let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let base = buffer.baseAddress!
            if address.isIPv6 {
                var six = ipv6(address.octets)
                unsafe inet_ntop(AF_INET6, &six, base, 64)
            } else {
                var four = ipv4(address.octets)
                unsafe inet_ntop(AF_INET, &four, base, 64)
            }
            return unsafe String(cString: base)
        }
        return address.scopeID == 0 ? text : "\(text)%\(interfaceName(address.scopeID))"
    }

    private static func interfaceIndex(_ name: String) -> UInt32? {
        // `UInt32` alone would take a sign.
        if name.first != "+", let number = UInt32(name), number > 0 { return number }
        // SAFETY: the call reads a terminated string that lives through it.
        let index = unsafe if_nametoindex(name)
        return index == 0 ? nil : index
    }

    private static func interfaceName(_ index: UInt32) -> String {
        // SAFETY: the call writes at most IF_NAMESIZE bytes.
        unsafe withUnsafeTemporaryAllocation(
            of: CChar.self, capacity: Int(IF_NAMESIZE) + 1
        ) { buffer in
            guard let name = unsafe if_indextoname(index, buffer.baseAddress!) else {
                return String(index)
            }
            return unsafe String(cString: name)
        }
    }

    // MARK: sockaddr

    static func domain(_ family: SocketAddress.Family) -> Int32 {
        switch family {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Calls `body` with the kernel's form of `address`.
    static func withSockaddr<Result>(
        _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        // SAFETY: `sockaddr_storage` is large and aligned enough for each form written into it.
        return unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            let base = bytes.baseAddress!
            let size: socklen_t
            switch address.storage {
            case .ip(let address) where !address.isIPv6:
                var form = sockaddr_in()
                form.sin_family = numericCast(AF_INET)
                form.sin_port = address.port.bigEndian
                form.sin_addr = ipv4(address.octets)
                size = socklen_t(MemoryLayout<sockaddr_in>.size)
                unsafe base.storeBytes(of: form, as: sockaddr_in.self)
            case .ip(let address):
                var form = sockaddr_in6()
                form.sin6_family = numericCast(AF_INET6)
                form.sin6_port = address.port.bigEndian
                form.sin6_addr = ipv6(address.octets)
                form.sin6_scope_id = address.scopeID
                size = socklen_t(MemoryLayout<sockaddr_in6>.size)
                unsafe base.storeBytes(of: form, as: sockaddr_in6.self)
            case .unix(let name):
                size = unsafe UnixName.write(name, to: base)
            }
            return unsafe body(base.assumingMemoryBound(to: sockaddr.self), size)
        }
    }

    /// Reads an address that `fill` writes; `nil` for a family not known here.
    static func read(
        _ fill: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int32
    ) throws(ReactorError) -> SocketAddress? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: the kernel writes at most `size` bytes.
        let status = unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe fill($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
        }
        try Descriptor.status(status, else: "get a socket's address")
        return unsafe withUnsafeBytes(of: &storage) {
            unsafe address(at: $0.baseAddress!, size: Int(size))
        }
    }

    /// The address at `pointer`, which holds a whole `sockaddr` of its family; `size` is that of a
    /// Unix socket's, as the kernel has told it.
    static func address(at pointer: UnsafeRawPointer, size: Int = 0) -> SocketAddress? {
        // SAFETY: the family says which form the kernel, or the resolver, has written.
        let family = unsafe Int32(pointer.loadUnaligned(as: sockaddr.self).sa_family)
        switch family {
        case AF_INET:
            let form = unsafe pointer.loadUnaligned(as: sockaddr_in.self)
            return SocketAddress(
                ipv4: octets(of: form.sin_addr), port: UInt16(bigEndian: form.sin_port))
        case AF_INET6:
            let form = unsafe pointer.loadUnaligned(as: sockaddr_in6.self)
            return SocketAddress(
                ipv6: octets(of: form.sin6_addr), port: UInt16(bigEndian: form.sin6_port),
                scopeID: form.sin6_scope_id)
        case AF_UNIX: return unsafe SocketAddress(.unix(UnixName.read(at: pointer, size: size)))
        default: return nil
        }
    }

    private static func octets(of address: in_addr) -> SocketAddress.Octets {
        .init(high: UInt64(UInt32(bigEndian: address.s_addr)) << 32)
    }

    private static func octets(of address: in6_addr) -> SocketAddress.Octets {
        // SAFETY: sixteen plain bytes seen as two words.
        let (high, low) = unsafe unsafeBitCast(address, to: (UInt64, UInt64).self)
        return .init(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
    }

    private static func ipv4(_ octets: SocketAddress.Octets) -> in_addr {
        in_addr(s_addr: UInt32(octets.high >> 32).bigEndian)
    }

    private static func ipv6(_ octets: SocketAddress.Octets) -> in6_addr {
        // SAFETY: two words seen as sixteen plain bytes.
        unsafe unsafeBitCast((octets.high.bigEndian, octets.low.bigEndian), to: in6_addr.self)
    }
}
