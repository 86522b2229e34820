// Values as JSON without Foundation: as much of an encoder as snapshots need.

/// Writes any `Encodable` as one line, its properties in their order.
enum JSONText {
    /// For values whose encoding cannot fail; what JSON cannot say (infinity) is null.
    static func encode(_ value: some Encodable) -> String {
        let node = Node()
        do { try value.encode(to: JSONNodeEncoder(node: node, codingPath: [])) } catch {
            return "null"
        }
        var text = ""
        node.write(to: &text)
        return text
    }

    /// What has been encoded so far in one place.
    final class Node {
        enum Content {
            case null
            case text(String)
            case array([Node])
            case object([(key: String, value: Node)])
        }

        var content = Content.null

        func add(_ key: String) -> Node {
            let child = Node()
            var members: [(key: String, value: Node)] = []
            if case .object(let old) = content { members = old }
            content = .null
            members.append((key, child))
            content = .object(members)
            return child
        }

        func append() -> Node {
            let child = Node()
            var elements: [Node] = []
            if case .array(let old) = content { elements = old }
            content = .null
            elements.append(child)
            content = .array(elements)
            return child
        }

        var count: Int { if case .array(let elements) = content { elements.count } else { 0 } }

        func write(to text: inout String) {
            switch content {
            case .null: text += "null"
            case .text(let own): text += own
            case .array(let elements):
                text += "["
                for (index, element) in elements.enumerated() {
                    if index > 0 { text += "," }
                    element.write(to: &text)
                }
                text += "]"
            case .object(let members):
                text += "{"
                for (index, member) in members.enumerated() {
                    if index > 0 { text += "," }
                    text += JSONText.quoted(member.key) + ":"
                    member.value.write(to: &text)
                }
                text += "}"
            }
        }
    }

    /// A string literal.
    static func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case ..<" ", "\u{7F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
