// How a socket ends.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// Makes the coming `close` send a reset instead of an orderly end.
    func resetOnClose() {
        // A socket that refuses has no connection to reset.
        try? setOption(SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0))
    }
}
