// The half of the style guide that a program can check. Every failure names its fix.

import Testing

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct TidyTests {
    // MARK: Files

    @Test func `the sources are found`() {
        #expect(SourceTree.library.count > 30)
        #expect(SourceTree.tests.count > 5)
    }

    @Test func `a file has at most 300 lines`() {
        for file in SourceTree.files where file.lines.count > 301 {
            fail(
                file, nil, "has \(file.lines.count - 1) lines", fix: "it holds two nouns: split it")
        }
    }

    @Test func `the first line of a file says what it is`() {
        for file in SourceTree.files {
            let first = file.lines.first ?? ""
            if !first.hasPrefix("// ") {
                fail(file, 1, "begins otherwise", fix: "make line one a `// ` sentence")
            }
        }
    }

    @Test func `a line has at most 100 columns`() {
        for file in SourceTree.files {
            for (index, line) in file.lines.enumerated() where line.count > 100 {
                fail(file, index + 1, "has \(line.count) columns", fix: "break the line")
            }
        }
    }

    @Test func `folders are domains, not kinds`() {
        let kinds: Set = ["utils", "util", "helpers", "extensions", "common", "misc"]
        for path in SourceTree.folders("Sources") + SourceTree.folders("Tests") {
            let name = path.split(separator: "/").last?.lowercased() ?? ""
            if kinds.contains(name) {
                report(path, "is named for a kind", fix: "name the folder for its domain")
            }
        }
    }

    @Test func `nothing is left to do`() {
        let marks: Set<Substring> = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        for file in SourceTree.files {
            for (index, line) in file.lines.enumerated()
            where !marks.isDisjoint(with: SourceFile.words(of: line)) {
                fail(file, index + 1, "leaves something to do", fix: "do it, or open an issue")
            }
        }
    }

    // MARK: Functions

    @Test func `a function has at most 70 lines`() {
        for file in SourceTree.files where file.path.hasSuffix(".swift") {
            for declaration in Declaration.all(in: file)
            where ["func", "init", "deinit"].contains(declaration.keyword) {
                let length = declaration.length(in: file)
                if length > 70 {
                    fail(file, declaration.head + 1, "has \(length) lines", fix: "split it")
                }
            }
        }
    }

    @Test func `platforms differ in files, not in function bodies`() {
        for file in SourceTree.library {
            for (index, line) in file.code.enumerated()
            where line.hasPrefix(" ") && line.contains("#if os(") {
                fail(
                    file, index + 1, "asks for the platform inside a declaration",
                    fix: "move it to Type+Linux.swift")
            }
        }
    }

    // MARK: The fence

    @Test func `C is imported behind the fence only`() {
        let fenced: Set<Substring> = ["CUV", "CReactor", "Glibc", "Musl", "Darwin"]
        for file in SourceTree.library where !["UV", "System"].contains(file.folder) {
            for (index, line) in file.code.enumerated() where isImport(line, of: fenced) {
                fail(
                    file, index + 1, "imports C",
                    fix: "move the call to UV/ (libuv) or System/ (system calls)")
            }
        }
    }

    @Test func `Foundation is not imported`() {
        for file in SourceTree.library {
            for (index, line) in file.code.enumerated()
            where isImport(line, of: ["Foundation", "FoundationEssentials"]) {
                fail(file, index + 1, "imports Foundation", fix: "use the standard library")
            }
        }
    }

    @Test func `unsafe code stays behind the fence`() {
        let allowed: Set = ["Loop/EventLoop+Executors.swift", "Loop/Suspension.swift"]
        for file in SourceTree.library
        where !["UV", "System"].contains(file.folder)
            && !allowed.contains("\(file.folder)/\(file.name)")
        {
            for (index, line) in file.code.enumerated()
            where SourceFile.words(of: line).contains("unsafe") {
                fail(file, index + 1, "says `unsafe`", fix: "move it to UV/ or System/")
            }
        }
    }

    @Test func `what is unsafe says why it is safe`() {
        for file in SourceTree.library {
            for (line, declaration) in Declaration.unjustified(in: file) {
                fail(
                    file, line, "is unsafe without a reason in: \(declaration)",
                    fix: "put `// SAFETY: <the rule that makes it true>` above it")
            }
        }
    }

    @Test func `what is unchecked says why it may be sent`() {
        for file in SourceTree.library {
            for (index, line) in file.code.enumerated()
            where line.contains("@unchecked Sendable") {
                // In the comment above, or beside what is meant inside.
                let near = file.lines[max(0, index - 12)..<min(index + 28, file.lines.count)]
                if !near.contains(where: { $0.contains("/ Unchecked: ") }) {
                    fail(
                        file, index + 1, "is @unchecked Sendable without a reason",
                        fix: "put `/// Unchecked: <what keeps threads apart>` above it")
                }
            }
        }
    }

    @Test func `who uses whom goes downward only`() {
        for use in Layers.upwardUses() {
            fail(
                use.file, use.line, "uses \(use.type) of \(use.folder)/",
                fix: "let the upper layer call down, or put a small protocol below")
        }
    }

    // MARK: Words

    @Test func `a public symbol begins with one sentence`() {
        for file in SourceTree.library {
            for line in Declaration.longSummaries(in: file) {
                fail(
                    file, line, "has a summary of more than one sentence",
                    fix: "put an empty `///` line after the first one")
            }
        }
    }

    @Test func `a documented parameter exists`() {
        for file in SourceTree.library {
            for (line, name) in Declaration.staleParameters(in: file) {
                fail(
                    file, line, "documents \(name), which is no parameter", fix: "name those of now"
                )
            }
        }
    }

    @Test func `the name of a test is a sentence`() {
        for file in SourceTree.tests {
            for (index, line) in file.lines.enumerated() {
                let text = line.drop { $0 == " " }
                guard text.hasPrefix("@Test") else { continue }
                // The attribute may stand on lines of its own.
                let head = file.lines[index...].prefix(8).joined(separator: " ")
                guard let start = head.range(of: "func ") else { continue }
                let name = head[start.upperBound...]
                if !name.hasPrefix("`") || !name.prefix(while: { $0 != "(" }).contains(" ") {
                    fail(
                        file, index + 1, "names a test with a word",
                        fix: "name what it shows: func `a sleep never ends early`()")
                }
            }
        }
    }

    @Test func `a suite says which loop it runs on, and how long it may take`() {
        for file in SourceTree.tests where !file.path.hasPrefix("Tests/Traits/") {
            for (index, line) in file.lines.enumerated() where line.hasPrefix("@Suite") {
                let head = file.lines[index...].prefix(8).joined(separator: " ")
                let attribute = head[..<(head.range(of: "struct ")?.lowerBound ?? head.endIndex)]
                if !attribute.contains(".freshLoop") && !attribute.contains(".noLoop") {
                    fail(file, index + 1, "has no loop trait", fix: "add .freshLoop or .noLoop")
                }
                if !attribute.contains(".timeLimit(") {
                    fail(file, index + 1, "has no limit", fix: "add .timeLimit(.minutes(5))")
                }
            }
        }
    }

    @Test func `tests stand where their sources stand`() {
        let domains = Set(SourceTree.library.map(\.folder)).union([
            "Contracts", "Essay", "Support", "",
        ])
        for file in SourceTree.tests
        where !domains.contains(file.folder) && !file.path.hasPrefix("Tests/CFaults/")
            && !file.path.hasPrefix("Tests/Fixtures/") && !file.path.hasPrefix("Tests/Traits/")
        {
            fail(
                file, nil, "mirrors no folder", fix: "move it to the folder its type has in Sources"
            )
        }
    }

    // MARK: Saying so

    private func isImport(_ line: String, of modules: Set<Substring>) -> Bool {
        let words = SourceFile.words(of: line)
        guard let index = words.firstIndex(of: "import") else { return false }
        return words[index...].contains { modules.contains($0) }
    }

    private func fail(_ file: SourceFile, _ line: Int?, _ what: String, fix: String) {
        report(line.map { "\(file.path):\($0)" } ?? file.path, what, fix: fix)
    }

    private func report(_ place: String, _ what: String, fix: String) {
        Issue.record("\(place) \(what). Fix: \(fix)")
    }
}
