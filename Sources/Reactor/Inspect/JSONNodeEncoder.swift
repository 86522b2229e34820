// The three containers of Swift's encoding, over a tree of JSON.

struct JSONNodeEncoder: Encoder {
    let node: JSONText.Node
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.content = .object([])
        return KeyedEncodingContainer(Keyed<Key>(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.content = .array([])
        return Unkeyed(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        Single(node: node, codingPath: codingPath)
    }

    /// Anything that encodes itself.
    static func encode(_ value: some Encodable, _ node: JSONText.Node) throws {
        switch value {
        case let value as String: node.content = .text(JSONText.quoted(value))
        case let value as Bool: node.content = .text(value ? "true" : "false")
        case let value as Double:
            node.content = value.isFinite ? .text("\(value)") : .null
        case let value as any FixedWidthInteger: node.content = .text("\(value)")
        default: try value.encode(to: JSONNodeEncoder(node: node, codingPath: []))
        }
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let node: JSONText.Node
        let codingPath: [any CodingKey]

        func encodeNil(forKey key: Key) { _ = node.add(key.stringValue) }

        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            try JSONNodeEncoder.encode(value, node.add(key.stringValue))
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            JSONNodeEncoder(node: node.add(key.stringValue), codingPath: codingPath)
                .container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            JSONNodeEncoder(node: node.add(key.stringValue), codingPath: codingPath)
                .unkeyedContainer()
        }

        func superEncoder() -> any Encoder {
            JSONNodeEncoder(node: node.add("super"), codingPath: codingPath)
        }

        func superEncoder(forKey key: Key) -> any Encoder {
            JSONNodeEncoder(node: node.add(key.stringValue), codingPath: codingPath)
        }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let node: JSONText.Node
        let codingPath: [any CodingKey]
        var count: Int { node.count }

        func encodeNil() { _ = node.append() }

        func encode<Value: Encodable>(_ value: Value) throws {
            try JSONNodeEncoder.encode(value, node.append())
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) -> KeyedEncodingContainer<Nested> {
            JSONNodeEncoder(node: node.append(), codingPath: codingPath).container(keyedBy: type)
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            JSONNodeEncoder(node: node.append(), codingPath: codingPath).unkeyedContainer()
        }

        func superEncoder() -> any Encoder {
            JSONNodeEncoder(node: node.append(), codingPath: codingPath)
        }
    }

    private struct Single: SingleValueEncodingContainer {
        let node: JSONText.Node
        let codingPath: [any CodingKey]

        func encodeNil() { node.content = .null }

        func encode<Value: Encodable>(_ value: Value) throws {
            try JSONNodeEncoder.encode(value, node)
        }
    }
}
