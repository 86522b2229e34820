// Sockets: made, bound, connected, accepted.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// A non-blocking stream socket that children do not inherit.
    static func streamSocket(_ family: SocketAddress.Family) throws(ReactorError) -> Descriptor {
        return Descriptor(
            number: try status(
                reactor_stream_socket(NumericAddress.domain(family)), else: "create a socket"))
    }

    func bind(to address: SocketAddress) throws(ReactorError) {
        // SAFETY: the address lives through the call.
        let result = unsafe NumericAddress.withSockaddr(address) {
            unsafe bindSocket(number, $0, $1)
        }
        try Self.status(result, else: "bind to \(address)")
    }

    func listen(backlog: Int32, at address: SocketAddress) throws(ReactorError) {
        let result = listenSocket(number, backlog)
        try Self.status(result, else: "listen on \(address)")
    }

    /// Begins to connect. True if the connection stands at once; else the socket becomes writable
    /// when it does, or has failed.
    func connect(to address: SocketAddress) throws(ReactorError) -> Bool {
        // SAFETY: the address lives through the call.
        let result = unsafe NumericAddress.withSockaddr(address) {
            unsafe connectSocket(number, $0, $1)
        }
        // An interrupted connect goes on in the background, like one in progress.
        if result < 0, errno == EINPROGRESS || errno == EINTR { return false }
        try Self.status(result, else: "connect to \(address)")
        return true
    }

    /// The next connection that waits: a socket set up like `streamSocket`, or a negated errno;
    /// and who has connected.
    func accept() -> (Int32, SocketAddress?) {
        var storage = sockaddr_storage()
        while true {
            var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
            // SAFETY: the kernel writes at most `size` bytes of a live variable.
            let accepted = unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe reactor_accept(
                    number, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
            }
            if accepted >= 0 {
                let peer = unsafe withUnsafeBytes(of: &storage) {
                    unsafe NumericAddress.address(at: $0.baseAddress!, size: Int(size))
                }
                return (accepted, peer)
            }
            if errno != EINTR { return (-errno, nil) }
        }
    }

    func localAddress() throws(ReactorError) -> SocketAddress? {
        // SAFETY: `read` lends memory of the size it names.
        unsafe try NumericAddress.read { unsafe getsockname(number, $0, &$1) }
    }

    func remoteAddress() throws(ReactorError) -> SocketAddress? {
        // SAFETY: as in `localAddress`.
        unsafe try NumericAddress.read { unsafe getpeername(number, $0, &$1) }
    }
}

// Outside the type, whose methods shadow the names.

private func bindSocket(
    _ number: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t
) -> Int32 {
    // SAFETY: `withSockaddr` lends an address of that size.
    unsafe bind(number, address, size)
}

private func connectSocket(
    _ number: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t
) -> Int32 {
    // SAFETY: as in `bindSocket`.
    unsafe connect(number, address, size)
}

private func listenSocket(_ number: Int32, _ backlog: Int32) -> Int32 {
    listen(number, backlog)
}
