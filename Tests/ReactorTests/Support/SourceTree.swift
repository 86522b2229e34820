// The files of this repository as the tests of style and interface read them.

import Foundation

/// One text file: its lines, and the same without comments and the contents of strings.
struct SourceFile: Sendable {
    /// From the top of the repository: `Sources/Reactor/Loop/EventLoop.swift`.
    let path: String
    let lines: [String]
    let code: [String]

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The folder under `Sources/Reactor` or `Tests/ReactorTests`: `Loop`. Empty at their top.
    var folder: String {
        let parts = path.split(separator: "/")
        return parts.count > 3 ? String(parts[2]) : ""
    }

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var isInString = false
        code = lines.map { Self.code(of: $0, &isInString) }
    }

    /// Knows `//` comments, strings of one line and `"""`: this repository has no block comments
    /// in Swift, and the formatter lets none in.
    private static func code(of line: String, _ isInString: inout Bool) -> String {
        if line.utf8.elementsEqual("".utf8) { return "" }
        if line.contains("\"\"\"") {
            isInString.toggle()
            return ""
        }
        if isInString { return "" }
        var code: [UInt8] = []
        var quoted = false
        var last: UInt8 = 0
        for byte in line.utf8 {
            if byte == UInt8(ascii: "\""), last != UInt8(ascii: "\\") { quoted.toggle() }
            if !quoted, byte == UInt8(ascii: "/"), last == byte {
                code.removeLast()
                break
            }
            if !quoted { code.append(byte) }
            last = byte
        }
        return String(decoding: code, as: UTF8.self)
    }

    /// The leading spaces of a line.
    static func indent(of line: String) -> Int { line.utf8.prefix { $0 == 32 }.count }

    /// The identifiers and keywords of a line of code.
    static func words(of code: String) -> [Substring] {
        code.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    }
}

enum SourceTree {
    static let top = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Every Swift and C file of ours.
    static let files: [SourceFile] = ["Sources", "Tests", "Examples"].flatMap { under($0) }

    /// The library itself.
    static let library = files.filter {
        $0.path.hasPrefix("Sources/Reactor/") && $0.path.hasSuffix(".swift")
    }

    static let tests = files.filter { $0.path.hasPrefix("Tests/") }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: top.appending(path: path), encoding: .utf8)
    }

    /// The paths of the folders below `root`.
    static func folders(_ root: String) -> [String] {
        paths(root).filter { path in
            var isFolder: ObjCBool = false
            let full = top.appending(path: path).path(percentEncoded: false)
            return unsafe FileManager.default.fileExists(atPath: full, isDirectory: &isFolder)
                && isFolder.boolValue
        }
    }

    private static func under(_ root: String) -> [SourceFile] {
        paths(root).filter { path in
            [".swift", ".c", ".h"].contains { path.hasSuffix($0) }
        }.compactMap { path in
            (try? text(path)).map { SourceFile(path: path, text: $0) }
        }
    }

    private static func paths(_ root: String) -> [String] {
        let folder = top.appending(path: root).path(percentEncoded: false)
        let found = try? FileManager.default.subpathsOfDirectory(atPath: folder)
        return (found ?? []).sorted().map { "\(root)/\($0)" }
    }
}
