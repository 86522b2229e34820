// User-space instructions per echo, under callgrind.

import Foundation

struct InstructionsWorkload: Workload {
    var name: String { "instructions" }
    var connections: Int
    var size: Int
    var requestsEach: Int
    var selected: [TCPImplementation]
    /// Where callgrind's output stays, for `callgrind_annotate`; nowhere if nil.
    var keep: String?
    var implementations: [String] { selected.map(\.rawValue) }

    /// The instructions of a whole server process, less those of one that served half as many
    /// echoes: start and end drop out.
    func measure(progress: Progress) throws -> [Row] {
        let program = try strippedCopy()
        defer { unlink(program) }
        return try selected.map { implementation in
            progress.show("instructions: \(implementation.rawValue)")
            let once = try instructions(implementation, program, each: requestsEach)
            let twice = try instructions(implementation, program, each: 2 * requestsEach)
            return Row(
                workload: name, implementation: implementation.rawValue, unit: "instructions",
                rounds: [(twice - once) / Double(connections * requestsEach)])
        }.compared(to: TCPImplementation.libuv.rawValue)
    }

    /// Valgrind 3.19 gives up on the debug information that Swift 6.3 writes.
    private func strippedCopy() throws -> String {
        let copy = NSTemporaryDirectory() + "/bench-\(getpid())"
        for tool in ["strip", "llvm-strip"] {
            let child = try? Child.program([tool, "-g", "-o", copy, Child.ownPath()])
            if child?.waitUntilExit() == 0 { return copy }
        }
        throw Failure("callgrind needs a copy of this program without debug information: no strip")
    }

    private func instructions(
        _ implementation: TCPImplementation, _ program: String, each: Int
    ) throws -> Double {
        let file =
            keep.map { "\($0)/\(implementation.rawValue)-\(each).callgrind" }
            ?? NSTemporaryDirectory() + "/bench-callgrind-\(getpid())"
        defer { if keep == nil { unlink(file) } }
        let server = try Server(
            implementation,
            launcher: [
                "valgrind", "--tool=callgrind", "--callgrind-out-file=\(file)", program,
            ])
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
