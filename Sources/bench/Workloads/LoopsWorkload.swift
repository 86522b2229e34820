// TCP echo on several loops of one process against one: how throughput grows.

import CBaseline
import Foundation

struct LoopsWorkload: Workload {
    static func name(loops: Int) -> String { "tcp, \(loops) loops" }

    var loops: Int
    var connections: Int
    var size: Int
    var rounds: Rounds
    /// Measures where loops and clients share cores too: to see that it works, not how fast.
    var anywhere = false

    var name: String { Self.name(loops: loops) }
    var implementations: [String] { ["one loop", "\(loops) loops"] }

    /// Why this machine cannot tell; `nil` if it can.
    static func obstacle(loops: Int) -> String? {
        let needed = 2 * loops
        if Machine.coreCount >= needed { return nil }
        return "\(loops) loops and as many clients need \(needed) cores, there are "
            + "\(Machine.coreCount)"
    }

    /// Microseconds of wall time per request; nothing where cores are too few.
    func measure(progress: Progress) throws -> [Row] {
        guard anywhere || Self.obstacle(loops: loops) == nil else { return [] }
        let counts = [1, loops]
        let servers = try counts.map { try Server(loops: $0) }
        var perRequest = counts.map { _ in [Double]() }
        try rounds.run { round in
            for index in counts.indices {
                progress.show("\(name): round \(round), \(implementations[index])")
                perRequest[index].append(try time(servers[index]))
            }
        }
        return counts.indices.map { index in
            var row = Row(
                workload: name, implementation: implementations[index], unit: "us wall",
                rounds: perRequest[index])
            row.perSecond = perRequest[index].map { 1e6 / $0 }.median
            return row
        }.compared(to: implementations[0])
    }

    /// As many clients as there are loops, for one loop too: each a thread on a core of its own.
    private func time(_ server: Server) throws -> Double {
        let counts = Results(count: loops)
        let port = server.port
        DispatchQueue.concurrentPerform(iterations: loops) { index in
            let core = Machine.coreCount >= 2 * loops ? loops + index : nil
            if let core { _ = cbaseline_pin(cbaseline_core(Int32(core))) }
            defer { if core != nil { cbaseline_unpin() } }
            counts.record(
                index,
                Result {
                    let load = try Load(
                        port: port, connections: connections / loops, size: size)
                    try load.warmUp(seconds: rounds.seconds / 5)
                    var latencies = Latencies()
                    return try load.run(seconds: rounds.seconds, latencies: &latencies)
                })
        }
        return rounds.seconds / Double(try counts.total()) * 1e6
    }

    /// What each client has counted.
    private final class Results: @unchecked Sendable {
        private let lock = NSLock()
        private var results: [Result<Int, any Error>?]

        init(count: Int) { results = Array(repeating: nil, count: count) }

        func record(_ index: Int, _ result: Result<Int, any Error>) {
            lock.withLock { results[index] = result }
        }

        func total() throws -> Int {
            try lock.withLock { try results.reduce(0) { try $0 + ($1?.get() ?? 0) } }
        }
    }
}
