// What the README shows is compiled: every line of its Swift stands in Examples/Readme.

import Foundation
import Testing

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct ReadmeTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func lines(_ path: String) throws -> [String] {
        try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
            .split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test func `every line of Swift in the README is compiled`() throws {
        let compiled = Set(try lines("Examples/Readme/Echo.swift"))
            .union(try lines("Examples/Readme/Tour.swift"))
        var isSwift = false
        var shown = 0
        for line in try lines("README.md") {
            if line.hasPrefix("```") {
                isSwift = line == "```swift"
            } else if line == "// Package.swift" {
                isSwift = false
            } else if isSwift, !line.hasPrefix("//") {
                shown += 1
                #expect(compiled.contains(line), "not in Examples/Readme: \(line)")
            }
        }
        #expect(shown > 20)
    }
}
