// A whole run, as it is written to a file.

import Foundation

struct Results: Codable {
    var date: String
    var machine: String
    var isQuick: Bool
    var seconds = 0.0
    var rows: [Row] = []
    var gates: [Gate] = []

    init(isQuick: Bool) {
        date = Date().formatted(.iso8601)
        machine = Machine.description
        self.isQuick = isQuick
    }

    /// Writes the run as JSON and returns the file's path.
    func write(to directory: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "infinity", negativeInfinity: "-infinity", nan: "nan")
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        let name = date.replacingOccurrences(of: ":", with: "") + (isQuick ? "-quick" : "")
        let path = "\(directory)/\(name).json"
        try encoder.encode(self).write(to: URL(fileURLWithPath: path))
        return path
    }
}
