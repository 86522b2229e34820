// The names that the library offers, read from its sources, and those that docs/API.md lists.

/// Types by their full name (`ShutdownReport.Holdup`), free functions with brackets (`copy()`).
///
/// Left out is what no user names: the iterators of sequences, and type aliases inside a type,
/// which conformances ask for.
enum PublicInterface {
    static func declared() -> Set<String> {
        var names: Set<String> = []
        for file in SourceTree.library { collect(file, into: &names) }
        return names
    }

    private static func collect(_ file: SourceFile, into names: inout Set<String>) {
        // What the line at hand stands in: formatted code is indented by what surrounds it.
        var outer: [(indent: Int, name: String)] = []
        for line in file.code where !line.allSatisfy({ $0 == " " }) {
            let indent = SourceFile.indent(of: line)
            outer.removeAll { $0.indent >= indent }
            guard let (keyword, name) = declaration(line) else { continue }
            let full = (outer.map(\.name) + [name]).joined(separator: ".")
            if keyword == "func" || keyword == "typealias" {
                guard outer.isEmpty, isPublic(line) else { continue }
                names.insert(keyword == "func" ? "\(name)()" : name)
            } else {
                if keyword != "extension", name != "AsyncIterator", isPublic(line) {
                    names.insert(full)
                }
                outer.append((indent, name))
            }
        }
    }

    /// The keyword and the name that follows it: `extension` and `ReactorError.Code`.
    private static func declaration(_ line: String) -> (keyword: String, name: String)? {
        let words = line.split { $0 == " " }
        let keywords = Declaration.typeKeywords.union(["extension", "func", "typealias"])
        // `class func` and `final class` apart, the first of the keywords decides.
        guard let index = words.firstIndex(where: { keywords.contains($0) }),
            index + 1 < words.count
        else { return nil }
        let name = words[index + 1].prefix { $0.isLetter || $0.isNumber || "._".contains($0) }
        return name.isEmpty ? nil : (String(words[index]), String(name))
    }

    private static func isPublic(_ line: String) -> Bool {
        line.split { $0 == " " }.contains { $0 == "public" || $0 == "open" }
    }

    /// The first name in backticks of each line that begins with `- `.
    static func listed() throws -> [String] {
        try SourceTree.text("docs/API.md").split(separator: "\n").compactMap { line in
            guard line.hasPrefix("- `") else { return nil }
            return String(line.dropFirst(3).prefix { $0 != "`" })
        }
    }
}
