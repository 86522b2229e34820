// What is being measured at the moment, on a terminal only.

import Foundation

struct Progress: Sendable {
    static let shared = Progress(isShown: isatty(STDERR_FILENO) == 1)

    let isShown: Bool

    func show(_ text: String) {
        guard isShown else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
    }

    func clear() { show("") }
}
