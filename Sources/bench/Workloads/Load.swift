// The C load, as Swift sees it.

import CBaseline
import Foundation
import Histogram

/// Open connections to a server, which echo in a closed loop on demand.
final class Load {
    private let load: OpaquePointer
    private let connections: Int

    convenience init(port: UInt16, connections: Int, size: Int) throws {
        try self.init("port \(port)", connections) {
            cbaseline_load_open(port, Int32(connections), size)
        }
    }

    /// To a Unix socket.
    convenience init(path: String, connections: Int, size: Int) throws {
        try self.init(path, connections) {
            cbaseline_load_open_unix(path, Int32(connections), size)
        }
    }

    private init(_ place: String, _ connections: Int, _ open: () -> OpaquePointer?) throws {
        guard connections + 100 <= Machine.descriptorLimit else {
            throw Failure("\(connections) connections need more than the descriptors allowed")
        }
        guard let load = open() else {
            throw Failure("cannot connect to \(place): \(String(cString: strerror(errno)))")
        }
        self.load = load
        self.connections = connections
    }

    deinit { cbaseline_load_close(load) }

    /// Each connection makes `count` requests. Returns how many there were.
    @discardableResult
    func run(each count: Int) throws -> Int {
        try Self.check(cbaseline_load_run(load, Int64(count), 0, nil, 0))
    }

    @discardableResult
    func run(seconds: Double, latencies: inout Latencies) throws -> Int {
        let load = load
        return try latencies.record { samples, capacity in
            try Self.check(cbaseline_load_run(load, 0, seconds, samples, capacity))
        }
    }

    /// Echoes for a moment without a record.
    func warmUp(seconds: Double) throws {
        _ = try Self.check(cbaseline_load_run(load, 0, seconds, nil, 0))
    }

    static func check(_ count: Int64) throws -> Int {
        guard count < 0 else { return Int(count) }
        if errno == EPROTO { throw Failure("the server answered with other bytes") }
        throw Failure("load: \(String(cString: strerror(errno)))")
    }
}

/// The latencies of a row, over all rounds.
struct Latencies {
    private static let capacity = 1 << 20
    private var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 100, highestTrackableValue: 10_000_000_000,
        numberOfSignificantValueDigits: .three)
    private var samples = [UInt32](repeating: 0, count: capacity)

    /// Lets `body` fill in samples, and keeps as many of them as it says there were.
    mutating func record(
        _ body: (UnsafeMutablePointer<UInt32>, Int) throws -> Int
    ) rethrows -> Int {
        let count = try samples.withUnsafeMutableBufferPointer {
            try body($0.baseAddress!, $0.count)
        }
        for sample in samples.prefix(count) { histogram.record(UInt64(sample)) }
        return count
    }

    /// In microseconds.
    func percentile(_ percentile: Double) -> Double? {
        guard histogram.totalCount > 0 else { return nil }
        return Double(histogram.valueAtPercentile(percentile)) / 1000
    }
}
