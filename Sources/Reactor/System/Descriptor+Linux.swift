// What only Linux does with a socket, and what is said elsewhere.

#if os(Linux)

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

extension Descriptor {
    func bind(toDevice name: String) throws(ReactorError) {
        guard !name.isEmpty, name.utf8.count < Int(IFNAMSIZ), !name.utf8.contains(0) else {
            throw ReactorError(.invalidArgument, "use \(name.debugDescription) as a device")
        }
        // SAFETY: the kernel reads the given count of bytes of a live string.
        let status = unsafe setsockopt(
            number, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.utf8.count))
        try Self.status(status, else: "use the device \(name)")
    }
}

#else

extension Descriptor {
    func bind(toDevice name: String) throws(ReactorError) {
        throw ReactorError(.notSupported, "use the device \(name)")
    }
}

#endif
