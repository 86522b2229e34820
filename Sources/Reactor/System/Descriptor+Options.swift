// Socket options under English names.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// A port whose last owner has closed can be bound at once.
    func allowRebinding() throws(ReactorError) { try setOption(SOL_SOCKET, SO_REUSEADDR, Int32(1)) }

    /// Several sockets may listen on the same port.
    func sharePort() throws(ReactorError) { try setOption(SOL_SOCKET, SO_REUSEPORT, Int32(1)) }

    func setNoDelay(_ on: Bool) throws(ReactorError) {
        try setOption(Int32(IPPROTO_TCP), TCP_NODELAY, Int32(on ? 1 : 0))
    }
}
