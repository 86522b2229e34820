// Memory of connections that wait.

import Foundation

struct IdleWorkload: Workload {
    static let name = "idle"
    var name: String { Self.name }
    var connections: Int
    var selected: [TCPImplementation] = [.libuv, .reactorChunks, .nio, .nioAsync]
    var implementations: [String] { selected.map(\.rawValue) }

    func measure(progress: Progress) throws -> [Row] {
        try selected.map { implementation in
            progress.show("idle: \(connections) connections, \(implementation.rawValue)")
            let memory = try Machine.asClient { try grown(implementation) }
            return Row(
                workload: name, implementation: implementation.rawValue, unit: "KiB",
                rounds: [memory / 1024])
        }.compared(to: TCPImplementation.libuv.rawValue)
    }

    /// Bytes that a server grows by for each connection, once it has echoed once.
    private func grown(_ implementation: TCPImplementation) throws -> Double {
        let server = try Server(implementation)
        let first = try Load(port: server.port, connections: 1, size: 1024)
        try first.run(each: 10)
        let before = server.child.privateMemory
        let load = try Load(port: server.port, connections: connections, size: 1024)
        try load.run(each: 1)
        usleep(200_000)
        let after = server.child.privateMemory
        guard before > 0, after > 0 else { return .nan }
        return (after - before) / Double(connections)
    }
}
