// The C library's codes for failed look-ups, which every system numbers anew, as libuv's.

internal import CUV
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension ReactorError.Code {
    /// What `getaddrinfo` answered, with the errno that holds the reason where it says so.
    ///
    /// libuv: `uv__getaddrinfo_translate_error`.
    init(lookupStatus status: Int32, errno: Int32) {
        self =
            switch status {
            case EAI_NONAME: .hostNotFound
            case EAI_AGAIN: .lookupUnavailable
            case EAI_FAIL: .lookupFailed
            case EAI_MEMORY: .outOfMemory
            case EAI_BADFLAGS: Self(rawValue: UV_EAI_BADFLAGS.rawValue)
            case EAI_FAMILY: Self(rawValue: UV_EAI_FAMILY.rawValue)
            case EAI_SERVICE: Self(rawValue: UV_EAI_SERVICE.rawValue)
            case EAI_SOCKTYPE: Self(rawValue: UV_EAI_SOCKTYPE.rawValue)
            case EAI_OVERFLOW: Self(rawValue: UV_EAI_OVERFLOW.rawValue)
            case EAI_SYSTEM: errno > 0 ? Self(rawValue: -errno) : .lookupFailed
            // Only with _GNU_SOURCE: EAI_NODATA and EAI_ADDRFAMILY.
            case -5: .hostHasNoAddress
            case -9: Self(rawValue: UV_EAI_ADDRFAMILY.rawValue)
            default: .lookupFailed
            }
    }

    /// The name service gave up for good.
    ///
    /// libuv: `UV_EAI_FAIL`.
    public static let lookupFailed = Self(rawValue: UV_EAI_FAIL.rawValue)

    /// The host name exists, but has no address.
    ///
    /// libuv: `UV_EAI_NODATA`.
    public static let hostHasNoAddress = Self(rawValue: UV_EAI_NODATA.rawValue)
}
