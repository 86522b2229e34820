// The public calls that suspend, read from the library's sources.

/// A public `async` function or property, with what its documentation says.
struct PublicCall: Sendable {
    /// `TCPListener.accept()`, `copy(from:to:)`, `Future.value`.
    let name: String
    let path: String
    let line: Int
    let documentation: String

    /// Requirements of protocols are not among them: those who keep them are.
    static func all() -> [PublicCall] { SourceTree.library.flatMap(calls) }

    private static func calls(in file: SourceFile) -> [PublicCall] {
        var found: [PublicCall] = []
        // What the line at hand stands in: formatted code is indented by what surrounds it.
        var outer: [(indent: Int, name: String)] = []
        for (index, line) in file.code.enumerated() where !line.allSatisfy({ $0 == " " }) {
            let indent = SourceFile.indent(of: line)
            outer.removeAll { $0.indent >= indent }
            let words = SourceFile.words(of: line)
            let types = Declaration.typeKeywords.union(["extension"])
            if let place = words.firstIndex(where: { types.contains($0) }), place + 1 < words.count,
                words[place + 1] != "func", words[place + 1] != "var"
            {
                outer.append((indent, typeName(in: line, after: words[place])))
            }
            guard words.contains("public"), words.contains("func") || words.contains("var") else {
                continue
            }
            let head = signature(in: file, from: index)
            guard let name = words.contains("func") ? function(head) : property(file, index) else {
                continue
            }
            found.append(
                PublicCall(
                    name: (outer.map(\.name) + [name]).joined(separator: "."), path: file.path,
                    line: index + 1, documentation: documentation(in: file, above: index)))
        }
        return found
    }

    private static func typeName(in line: String, after keyword: Substring) -> String {
        let rest = line[(line.range(of: "\(keyword) ")?.upperBound ?? line.endIndex)...]
        return String(rest.prefix { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" })
    }

    /// From its first line to the one that opens its body, in one.
    private static func signature(in file: SourceFile, from index: Int) -> String {
        let end = file.code[index...].firstIndex { $0.contains("{") } ?? index
        return file.code[index...end].joined(separator: " ")
    }

    /// The name with its labels, if it is `async`.
    private static func function(_ head: String) -> String? {
        guard let start = head.range(of: "func ")?.upperBound,
            let opening = head[start...].firstIndex(of: "(")
        else { return nil }
        let base = head[start..<opening].prefix { $0 != "<" }
        var depth = 0
        var labels = ""
        var isAtLabel = false
        var position = opening
        while position < head.endIndex {
            let character = head[position]
            let last = head[..<position].last
            // Not the sign of a shift, nor of a result.
            let isAngle = last != " " && last != "-" && last != "<" && last != ">"
            if "([".contains(character) || character == "<" && isAngle { depth += 1 }
            if ")]".contains(character) || character == ">" && isAngle { depth -= 1 }
            if depth == 0 { break }
            if position == opening || depth == 1 && character == "," {
                isAtLabel = true
            } else if isAtLabel, character != " " {
                let label = head[position...].prefix { $0 != " " && $0 != ":" && $0 != ")" }
                // The compiler fills these in.
                if label != "fileID", label != "line" { labels += "\(label):" }
                isAtLabel = false
            }
            position = head.index(after: position)
        }
        // Between the parameters and the result or the body.
        let effects = head[position...].prefix { $0 != "{" }
        let before = effects.range(of: "->").map { effects[..<$0.lowerBound] } ?? effects
        return SourceFile.words(of: String(before)).contains("async") ? "\(base)(\(labels))" : nil
    }

    /// The name of a property whose getter is `async`.
    private static func property(_ file: SourceFile, _ index: Int) -> String? {
        let next = file.code[min(index + 1, file.code.count - 1)]
        guard SourceFile.words(of: next).starts(with: ["get", "async"]) else { return nil }
        let words = SourceFile.words(of: file.code[index])
        return words.firstIndex(of: "var").map { String(words[$0 + 1]) }
    }

    private static func documentation(in file: SourceFile, above index: Int) -> String {
        var start = index
        while start > 0 {
            let above = file.lines[start - 1].drop { $0 == " " }
            guard above.hasPrefix("///") || above.hasPrefix("@") else { break }
            start -= 1
        }
        return file.lines[start..<index].map { $0.drop { $0 == " " || $0 == "/" } }
            .joined(separator: "\n")
    }
}
