// Tests that cannot run here say so on standard output; scripts/test knows which may.

import Foundation
import Testing

enum Skip {
    /// Sanitizer runs leave out what is tagged `.slow`.
    static let slowTests = ProcessInfo.processInfo.environment["REACTOR_SKIP_SLOW"] == "1"

    /// Prints `SKIPPED: <test>: <reason>`, which must match a line of scripts/allowed-skips.
    ///
    /// For use as `guard hasIPv6 else { return Skip.note("no IPv6 loopback") }`.
    static func note(_ reason: String, test: Test? = Test.current) {
        let suite = test?.id.nameComponents.first ?? "?"
        let name = test?.displayName ?? test.map { Self.plain($0.name) } ?? "?"
        // One write, unbuffered: other output may not split the line.
        FileHandle.standardOutput.write(Data("SKIPPED: \(suite)/\(name): \(reason)\n".utf8))
    }

    /// `` `a read ends`() `` without its quotes and brackets.
    private static func plain(_ name: String) -> String {
        String(name.prefix { $0 != "(" }).filter { $0 != "`" }
    }
}
