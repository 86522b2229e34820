// Declarations as the formatter leaves them: indentation tells what is inside what.

/// A stretch of a file from a declaration's comment to the next declaration.
struct Declaration {
    static let typeKeywords: Set<Substring> = ["struct", "class", "enum", "actor", "protocol"]
    private static let otherKeywords: Set<Substring> = [
        "extension", "func", "init", "deinit", "subscript", "var",
    ]
    private static let modifiers: Set<Substring> = [
        "public", "private", "fileprivate", "internal", "open", "static", "final", "override",
        "mutating", "consuming", "borrowing", "nonisolated", "unsafe", "convenience", "required",
        "indirect", "weak", "unowned", "set", "safe", "inline", "__always", "never",
        "discardableResult",
        "available", "noasync", "unchecked",
    ]

    /// The first line, comments and attributes included; from 0.
    let start: Int
    /// The line with the keyword.
    let head: Int
    let indent: Int
    let keyword: String

    var isType: Bool {
        Self.typeKeywords.contains(Substring(keyword)) || keyword == "extension"
    }

    /// In the order of the file.
    static func all(in file: SourceFile) -> [Declaration] {
        file.code.indices.compactMap { index in
            let line = file.code[index]
            let words = SourceFile.words(of: line)
            guard let first = words.first(where: { !modifiers.contains($0) }) else { return nil }
            guard typeKeywords.contains(first) || otherKeywords.contains(first) else {
                return nil
            }
            // Locals are part of what they stand in; members of nested types go 8 deep.
            let indent = SourceFile.indent(of: line)
            guard first != "var" || line.hasSuffix("{") else { return nil }
            var start = index
            while start > 0 {
                let above = file.lines[start - 1].drop { $0 == " " }
                guard above.hasPrefix("//") || above.hasPrefix("@") else { break }
                start -= 1
            }
            return Declaration(start: start, head: index, indent: indent, keyword: String(first))
        }
    }

    /// From the line with the keyword to the closing brace; 1 where there is no body.
    func length(in file: SourceFile) -> Int {
        guard let opening = opening(in: file), !file.code[head].hasSuffix("}") else { return 1 }
        let close = String(repeating: " ", count: indent) + "}"
        let end = file.code[opening...].firstIndex { $0 == close } ?? opening
        return end - head + 1
    }

    /// The line that opens the body: the head, or the end of a signature of several lines.
    private func opening(in file: SourceFile) -> Int? {
        for index in head..<file.code.count {
            let line = file.code[index]
            guard SourceFile.indent(of: line) == indent else { continue }
            if line.hasSuffix("{") { return index }
            let goesOn = [")", "where", "{"].contains { line.drop { $0 == " " }.hasPrefix($0) }
            if index > head, !goesOn { return nil }
        }
        return nil
    }

    // MARK: `// SAFETY:`

    /// The first unsafe line of each declaration in which neither it nor a type around it has a
    /// `SAFETY:` line.
    static func unjustified(in file: SourceFile) -> [(line: Int, declaration: String)] {
        let all = all(in: file)
        var found: [(line: Int, declaration: String)] = []
        for (position, declaration) in all.enumerated() {
            let end = position + 1 < all.count ? all[position + 1].start : file.lines.count
            let body = declaration.start..<max(end, declaration.head + 1)
            let isUnsafe = { SourceFile.words(of: file.code[$0]).contains("unsafe") }
            guard let line = body.first(where: isUnsafe) else { continue }
            if body.contains(where: { file.lines[$0].contains("SAFETY:") }) { continue }
            if isExplained(declaration, among: all[..<position], in: file) { continue }
            let head = file.code[declaration.head].drop { $0 == " " }
            found.append((line + 1, String(head)))
        }
        return found
    }

    /// True where the comment of a type around it explains.
    private static func isExplained(
        _ declaration: Declaration, among earlier: ArraySlice<Declaration>, in file: SourceFile
    ) -> Bool {
        var indent = declaration.indent
        for outer in earlier.reversed() where outer.isType && outer.indent < indent {
            if file.lines[outer.start...outer.head].contains(where: { $0.contains("SAFETY:") }) {
                return true
            }
            indent = outer.indent
        }
        return false
    }

    // MARK: Summaries

    /// Where the comment of a public symbol begins with a paragraph of several sentences.
    static func longSummaries(in file: SourceFile) -> [Int] {
        file.code.indices.compactMap { index in
            let words = SourceFile.words(of: file.code[index])
            guard words.contains("public") || words.contains("open") else { return nil }
            var start = index
            while start > 0 {
                let above = file.lines[start - 1].drop { $0 == " " }
                guard above.hasPrefix("///") || above.hasPrefix("@") else { break }
                start -= 1
            }
            let summary = file.lines[start..<index]
                .map { $0.drop { $0 == " " } }
                .prefix { $0.hasPrefix("/// ") }
                .map { $0.dropFirst(4) }
                .joined(separator: " ")
            return sentenceCount(of: summary) > 1 ? start + 1 : nil
        }
    }

    /// Parameters that a comment lists and the declaration below it does not have.
    static func staleParameters(in file: SourceFile) -> [(line: Int, name: String)] {
        all(in: file).flatMap { declaration in
            let end = declaration.opening(in: file) ?? declaration.head
            let words = Set(file.code[declaration.head...end].flatMap(SourceFile.words))
            return (declaration.start..<declaration.head).compactMap {
                index -> (line: Int, name: String)? in
                let text = file.lines[index].drop { $0 == " " }
                let marks = ["/// - Parameter ", "///   - "]
                guard let mark = marks.first(where: { text.hasPrefix($0) }) else { return nil }
                let name = text.dropFirst(mark.count).prefix { $0 != ":" }
                return words.contains(name) ? nil : (index + 1, String(name))
            }
        }
    }

    /// Ends of sentences outside `code`: a full stop, then a space and anything but a small letter.
    private static func sentenceCount(of text: String) -> Int {
        var count = text.isEmpty ? 0 : 1
        var isCode = false
        var last: (Character, Character) = (" ", " ")
        for character in text {
            if character == "`" { isCode.toggle() }
            if last.0 == ".", last.1 == " ", !character.isLowercase { count += 1 }
            last = isCode ? (" ", " ") : (last.1, character)
        }
        return count
    }
}
