// One stream of very many bytes: read, or passed on by a proxy.

import ArgumentParser
import CBaseline
import Reactor

struct BulkWorkload: Workload {
    enum Kind: String {
        case bulk = "bulk, 1 stream"
        case proxy = "proxy, 1 stream"
    }

    var kind: Kind
    var bytes: Int
    var rounds: Rounds
    var name: String { kind.rawValue }
    var implementations: [String] { selected.map(\.rawValue) }

    private var selected: [BulkImplementation] {
        kind == .bulk ? [.libuv, .reactor] : [.copying, .splice]
    }

    init(_ kind: Kind, bytes: Int, rounds: Rounds) {
        self.kind = kind
        self.bytes = bytes
        self.rounds = rounds
    }

    /// Milliseconds per GiB: of wall time for reading, of the loop's CPU for the proxy, whose
    /// neighbours share the machine with it.
    func measure(progress: Progress) throws -> [Row] {
        var figures = selected.map { _ in [Once.Figures]() }
        try rounds.run { round in
            for index in selected.indices {
                progress.show("\(name): round \(round), \(implementations[index])")
                figures[index].append(
                    try Once.measure([
                        "bulk", "--implementation", implementations[index], "--bytes",
                        String(bytes),
                    ]))
            }
        }
        let gibibytes = Double(bytes) / Double(1 << 30)
        return selected.indices.map { index in
            var row = Row(
                workload: name, implementation: implementations[index],
                unit: kind == .bulk ? "ms/GiB wall" : "ms/GiB CPU",
                rounds: figures[index].map {
                    (kind == .bulk ? $0.wall : $0.cpu) * 1000 / gibibytes
                })
            row.note = figures[index].map { gibibytes / $0.wall }.median.description + " GiB/s"
            return row
        }.compared(to: kind == .bulk ? "libuv" : "copying")
    }
}

enum BulkImplementation: String, CaseIterable, ExpressibleByArgument {
    /// `uv_read_start` in C.
    case libuv
    /// `stream.read(into:)`.
    case reactor
    /// `copy(from:to:)` between two connections.
    case splice
    /// The same for streams that do not let it know their descriptors.
    case copying

    func run(bytes: Int) throws -> cbaseline_time {
        let cores = Machine.cores.map { ($0.server, $0.client) } ?? (-1, -1)
        if cores.0 >= 0 { _ = cbaseline_pin(cores.0) }
        if self == .libuv { return cbaseline_bulk(Int64(bytes), cores.1) }
        return try Reactor.EventLoop.run { [self] in
            let listener = try await TCPListener.bind(to: .loopback(port: 0))
            var back: TCPStream?
            if self != .reactor {
                let port = cbaseline_swallow(cores.1)
                back = try await TCPStream.connect(to: .loopback(port: port))
            }
            let start = cbaseline_now()
            let cpu = cbaseline_thread_cpu()
            guard
                cbaseline_flood(UInt16(listener.localAddress.port), Int64(bytes), cores.1)
            else { throw Failure("no connection to myself") }
            let stream = try await listener.accept()
            let count = try await pass(stream, to: back)
            guard count == bytes else { throw Failure("\(count) of \(bytes) bytes") }
            let time = cbaseline_time(
                wall: cbaseline_now() - start, cpu: cbaseline_thread_cpu() - cpu, started: 0)
            stream.abort()
            await back?.close()
            listener.close()
            return time
        }
    }

    private func pass(_ stream: TCPStream, to back: TCPStream?) async throws -> Int {
        if let back {
            return self == .splice
                ? try await copy(from: stream, to: back)
                : try await copy(from: Opaque(stream: stream), to: back)
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var total = 0
        while case let count = try await stream.read(into: &buffer), count > 0 { total += count }
        return total
    }
}

/// A stream that is no descriptor as far as anybody can see.
private struct Opaque: ByteReader {
    let stream: TCPStream

    func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        try await stream.read(into: &buffer)
    }

    func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        try await stream.read(upTo: maxBytes)
    }
}
