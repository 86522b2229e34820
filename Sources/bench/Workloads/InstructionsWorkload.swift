// User-space instructions per echo, under callgrind.

import Foundation

struct InstructionsWorkload: Workload {
    var name: String { "instructions" }
    var connections: Int
    var size: Int
    var requestsEach: Int
    var selected: [TCPImplementation]
    var implementations: [String] { selected.map(\.rawValue) }

    /// The instructions of a whole server process, less those of one that served half as many
    /// echoes: start and end drop out.
    func measure(progress: Progress) throws -> [Row] {
        try selected.map { implementation in
            progress.show("instructions: \(implementation.rawValue)")
            let once = try instructions(implementation, each: requestsEach)
            let twice = try instructions(implementation, each: 2 * requestsEach)
            return Row(
                workload: name, implementation: implementation.rawValue, unit: "instructions",
                rounds: [(twice - once) / Double(connections * requestsEach)])
        }.compared(to: TCPImplementation.libuv.rawValue)
    }

    private func instructions(_ implementation: TCPImplementation, each: Int) throws -> Double {
        let file = NSTemporaryDirectory() + "/bench-callgrind-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let server = try Server(
            implementation,
            launcher: ["valgrind", "--tool=callgrind", "--callgrind-out-file=\(file)"])
        let load = try Load(port: server.port, connections: connections, size: size)
        try load.run(each: each)
        server.child.stop(patience: 60)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        guard let line = text.split(separator: "\n").last(where: { $0.hasPrefix("totals:") }),
            let total = line.split(separator: " ").last.flatMap({ Double($0) })
        else { throw Failure("callgrind wrote no totals") }
        return total
    }
}
