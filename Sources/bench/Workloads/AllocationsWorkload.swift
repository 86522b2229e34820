// Heap allocations per echo in steady state.

struct AllocationsWorkload: Workload {
    static let name = "allocations"
    var name: String { Self.name }
    var requestsEach: Int
    var selected: [TCPImplementation] = [.libuv, .reactor, .reactorChunks, .nio, .nioAsync]
    var implementations: [String] { selected.map(\.rawValue) }

    private static let connections = 50

    func measure(progress: Progress) throws -> [Row] {
        try selected.map { implementation in
            progress.show("allocations: \(implementation.rawValue)")
            let server = try Server(implementation)
            let count = try Machine.asClient { try allocations(server) }
            return Row(
                workload: name, implementation: implementation.rawValue, unit: "per echo",
                rounds: [count])
        }
    }

    /// The first question switches counting on. What is left of a single allocation among
    /// thousands of echoes, such as a queue that grew, is below what the figure shows.
    private func allocations(_ server: Server) throws -> Double {
        guard try server.child.allocations() != nil else { return .nan }
        let load = try Load(port: server.port, connections: Self.connections, size: 1024)
        try load.run(each: max(requestsEach, 200))
        guard let before = try server.child.allocations() else { return .nan }
        let requests = try load.run(each: requestsEach)
        guard let after = try server.child.allocations() else { return .nan }
        let each = Double(after - before) / Double(requests)
        return (each * 100).rounded() / 100
    }
}
