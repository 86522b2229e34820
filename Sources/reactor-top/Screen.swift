// A terminal, taken over for a while: its alternate screen, and keys as they are pressed.

import Reactor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

final class Screen {
    private let output: PipeWriter
    private let settings: termios

    static var isTerminal: Bool { isatty(0) == 1 && isatty(1) == 1 }

    init() async throws {
        var own = termios()
        _ = tcgetattr(0, &own)
        settings = own
        output = try await PipeWriter.standardOutput()
        // Keys at once and unseen; ^C as a key, so that the screen is restored.
        own.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        _ = tcsetattr(0, TCSANOW, &own)
        try await output.write("\u{1B}[?1049h\u{1B}[?25l")
    }

    /// In characters.
    var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// Shows lines from the top, and one at the bottom.
    func draw(_ lines: [String], foot: String) async throws {
        let (rows, columns) = size
        var text = "\u{1B}[H"
        for line in lines.prefix(rows - 1) { text += Self.fit(line, columns) + "\u{1B}[K\r\n" }
        text += "\u{1B}[J\u{1B}[\(rows);1H\u{1B}[7m\(Self.fit(foot, columns))\u{1B}[0m"
        try await output.write(text)
    }

    /// As it was.
    func restore() async {
        try? await output.write("\u{1B}[?25h\u{1B}[?1049l")
        var own = settings
        _ = tcsetattr(0, TCSANOW, &own)
    }

    /// Without what a name could do to a terminal.
    private static func fit(_ line: String, _ columns: Int) -> String {
        String(line.prefix(columns).map { $0.isASCII && $0.asciiValue! < 32 ? "?" : $0 })
    }
}
