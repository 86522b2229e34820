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
            case EAI_BADFLAGS: .lookupFlagsRefused
            case EAI_FAMILY: .lookupFamilyRefused
            case EAI_SERVICE: .serviceNotFound
            case EAI_SOCKTYPE: .lookupKindRefused
            case EAI_OVERFLOW: .lookupOverflow
            case EAI_SYSTEM: errno > 0 ? Self(rawValue: -errno) : .lookupFailed
            // Only with _GNU_SOURCE: EAI_NODATA and EAI_ADDRFAMILY.
            case -5: .hostHasNoAddress
            case -9: .hostFamilyMismatch
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

    /// The host has addresses, but none of the family asked for.
    ///
    /// libuv: `UV_EAI_ADDRFAMILY`.
    public static let hostFamilyMismatch = Self(rawValue: UV_EAI_ADDRFAMILY.rawValue)

    /// No service has that name.
    ///
    /// libuv: `UV_EAI_SERVICE`.
    public static let serviceNotFound = Self(rawValue: UV_EAI_SERVICE.rawValue)

    /// The answer was too long for its buffer.
    ///
    /// libuv: `UV_EAI_OVERFLOW`.
    public static let lookupOverflow = Self(rawValue: UV_EAI_OVERFLOW.rawValue)

    /// The system does not look up addresses of that family.
    ///
    /// libuv: `UV_EAI_FAMILY`.
    public static let lookupFamilyRefused = Self(rawValue: UV_EAI_FAMILY.rawValue)

    /// The system's look-up does not know a flag, or not with the others.
    ///
    /// libuv: `UV_EAI_BADFLAGS`.
    public static let lookupFlagsRefused = Self(rawValue: UV_EAI_BADFLAGS.rawValue)

    /// The system's look-up does not know that kind of socket.
    ///
    /// libuv: `UV_EAI_SOCKTYPE`.
    public static let lookupKindRefused = Self(rawValue: UV_EAI_SOCKTYPE.rawValue)
}
