// Lengths of time as a person reads them.

extension Duration {
    /// `1.5 ms`, `12.3 s`, `2 h 5 min`: three digits or so.
    package var brief: String {
        let seconds = self / .seconds(1)
        switch abs(seconds) {
        case ..<0.000_000_5: return "0 s"
        case ..<0.001: return "\(Self.rounded(seconds * 1_000_000)) µs"
        case ..<1: return "\(Self.rounded(seconds * 1_000)) ms"
        case ..<60: return "\(Self.rounded(seconds)) s"
        default:
            let whole = Int(clamping: Int64(min(abs(seconds), 1e15)))
            if whole < 3_600 { return "\(whole / 60) min \(whole % 60) s" }
            if whole < 86_400 { return "\(whole / 3_600) h \(whole / 60 % 60) min" }
            return "\(whole / 86_400) d \(whole / 3_600 % 24) h"
        }
    }

    private static func rounded(_ value: Double) -> String {
        if abs(value) >= 99.95 { return "\(Int(value.rounded()))" }
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0
            ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}
