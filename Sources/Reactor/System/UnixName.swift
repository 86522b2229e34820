// The names of Unix sockets between bytes, text and the kernel's `sockaddr_un`.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif
internal import SystemPackage

enum UnixName {
    // Its field of many chars imports as a tuple, which a key path measures.
    private static let pathOffset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!

    /// The bytes that the kernel has for a path and its terminator, or for an abstract name and the
    /// zero before it.
    static let room = MemoryLayout<sockaddr_un>.size - pathOffset

    /// Writes a `sockaddr_un` to memory that has room for a `sockaddr_storage`, and returns its
    /// size.
    static func write(_ name: [UInt8], to base: UnsafeMutableRawPointer) -> socklen_t {
        precondition(name.count < room || name.count == room && name.first == 0)
        var form = sockaddr_un()
        form.sun_family = numericCast(AF_UNIX)
        // SAFETY: the caller lends enough; the name fits, as checked above.
        unsafe base.storeBytes(of: form, as: sockaddr_un.self)
        unsafe name.withUnsafeBytes { bytes in
            guard let first = bytes.baseAddress else { return }
            unsafe (base + pathOffset).copyMemory(from: first, byteCount: bytes.count)
        }
        let hasTerminator = name.first.map { $0 != 0 } ?? false
        return socklen_t(pathOffset + name.count + (hasTerminator ? 1 : 0))
    }

    /// The name in a `sockaddr_un` of this size.
    static func read(at pointer: UnsafeRawPointer, size: Int) -> [UInt8] {
        let count = min(size, MemoryLayout<sockaddr_storage>.size) - pathOffset
        guard count > 0 else { return [] }
        // SAFETY: the kernel has written `size` bytes, of which these are the rest.
        let bytes = unsafe UnsafeRawBufferPointer(start: pointer + pathOffset, count: count)
        return unsafe bytes.first == 0 && hasAbstractNames
            ? Array(bytes) : Array(bytes.prefix { $0 != 0 })
    }

    static func bytes(of path: FilePath) -> [UInt8] {
        // SAFETY: a terminated string, alive during the call.
        unsafe path.withPlatformString {
            unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
        }
    }

    static func path(_ bytes: [UInt8]) -> FilePath {
        // SAFETY: the array ends with a terminator.
        unsafe (bytes + [0]).withUnsafeBytes {
            unsafe FilePath(platformString: $0.baseAddress!.assumingMemoryBound(to: CChar.self))
        }
    }

    // MARK: Abstract names as text

    /// Printable ASCII as it is, any other byte and the backslash as `\xNN`.
    static func escaped(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef")
        return bytes.reduce(into: "") { text, byte in
            if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "\\") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x"
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            }
        }
    }

    /// The bytes of such a text; others than the printable are taken as they are. `nil` for a
    /// backslash that begins nothing.
    static func unescaped(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            let code = rest.prefix(3)
            guard code.count == 3, code.first == UInt8(ascii: "x"),
                let high = code.dropFirst().first.flatMap(digit),
                let low = code.dropFirst(2).first.flatMap(digit)
            else { return nil }
            bytes.append(high << 4 | low)
            rest = rest.dropFirst(3)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

#if os(Linux)
extension UnixName { static let hasAbstractNames = true }
#else
extension UnixName { static let hasAbstractNames = false }
#endif
