// How a backtrace is made of addresses; only with the package trait `Backtraces`.

#if Backtraces && canImport(Runtime)
/// Addresses as a backtrace is encoded, which is the one way to make one of addresses: see
/// "CompactBacktraceFormat" in Swift's documentation.
struct CompactTrace: Decoder {
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]
    private let values: [String: String]

    init(_ addresses: [UInt]) {
        // Version 0, words of 64 bits.
        var bytes: [UInt8] = [0x02]
        for address in addresses {
            // Where a task goes on: not relative, eight bytes.
            bytes.append(0x3F)
            bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: address >> (8 * $0)) }
        }
        bytes.append(0)
        values = ["architecture": Self.architecture, "backtrace": Self.base64(bytes)]
    }

    #if arch(arm64)
    private static let architecture = "arm64"
    #else
    private static let architecture = "x86_64"
    #endif

    private static func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for digit in 0..<4 {
                text.append(digit <= group.count ? digits[bits >> (18 - 6 * digit) & 63] : "=")
            }
        }
        return text
    }

    func container<Key: CodingKey>(
        keyedBy type: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Keyed<Key>(values: values))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Unknown() }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw Unknown() }

    private struct Unknown: Error {}

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let values: [String: String]
        let codingPath: [any CodingKey] = []
        var allKeys: [Key] { values.keys.compactMap { Key(stringValue: $0) } }

        func contains(_ key: Key) -> Bool { values[key.stringValue] != nil }

        func decodeNil(forKey key: Key) throws -> Bool { !contains(key) }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            guard let value = values[key.stringValue] as? Value else { throw Unknown() }
            return value
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> { throw Unknown() }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            throw Unknown()
        }

        func superDecoder() throws -> any Decoder { throw Unknown() }

        func superDecoder(forKey key: Key) throws -> any Decoder { throw Unknown() }
    }
}
#endif
