// UDP echo with so many datagrams in flight.

import CBaseline
import Foundation

struct UDPWorkload: Workload {
    var inFlight: Int
    var size = 64
    /// How many sockets the datagrams come from.
    var sockets = 1
    var rounds: Rounds
    var selected: [UDPImplementation]

    static func name(inFlight: Int, size: Int = 64, sockets: Int = 1) -> String {
        "udp \(inFlight) x \(size) B" + (sockets == 1 ? "" : ", \(sockets) sockets")
    }
    var name: String { Self.name(inFlight: inFlight, size: size, sockets: sockets) }
    var implementations: [String] { selected.map(\.rawValue) }

    /// Rounds go from one implementation to the next, as for TCP.
    func measure(progress: Progress) throws -> [Row] {
        let servers = try selected.map { try Server("udp", $0.rawValue) }
        var usages = selected.map { _ in [Usage]() }
        var latencies = selected.map { _ in Latencies() }
        var lost = selected.map { _ in 0 }
        try Machine.asClient {
            try rounds.run { round in
                for index in selected.indices {
                    progress.show("\(name): round \(round), \(selected[index].rawValue)")
                    let load = try UDPLoad(
                        port: servers[index].port, sockets: sockets, inFlight: inFlight, size: size)
                    _ = try load.run(seconds: rounds.seconds / 5)
                    load.lost = 0
                    usages[index].append(
                        try Usage.of(servers[index]) {
                            try load.run(seconds: rounds.seconds, latencies: &latencies[index])
                        })
                    lost[index] += load.lost
                }
            }
        }
        return selected.indices.map { index in
            var row = Row(
                workload: name, implementation: selected[index].rawValue, usages: usages[index],
                latencies: latencies[index])
            if lost[index] > 0 { row.note = "\(lost[index]) lost and sent again" }
            return row
        }.compared(to: UDPImplementation.libuv.rawValue)
    }
}

/// The C load, as Swift sees it.
final class UDPLoad {
    private let load: OpaquePointer
    /// Datagrams that had to be sent again.
    var lost = 0

    init(port: UInt16, sockets: Int, inFlight: Int, size: Int) throws {
        guard
            let load = cbaseline_udp_load_open(port, Int32(sockets), Int32(inFlight), size)
        else {
            throw Failure("cannot send to port \(port): \(String(cString: strerror(errno)))")
        }
        self.load = load
    }

    deinit { cbaseline_udp_load_close(load) }

    func run(seconds: Double, latencies: inout Latencies) throws -> Int {
        try latencies.record { try run(0, seconds, $0, $1) }
    }

    /// Without a record.
    func run(seconds: Double) throws -> Int { try run(0, seconds, nil, 0) }

    func run(total: Int) throws -> Int { try run(Int64(total), 0, nil, 0) }

    private func run(
        _ total: Int64, _ seconds: Double, _ samples: UnsafeMutablePointer<UInt32>?,
        _ capacity: Int
    ) throws -> Int {
        var lost: Int64 = 0
        let count = cbaseline_udp_load_run(load, total, seconds, samples, capacity, &lost)
        self.lost += Int(lost)
        return try Load.check(count)
    }
}
