// Look-ups of host names, by each of those who can.

import ArgumentParser
import CBaseline
import Reactor

enum DNSMode: String, CaseIterable, Codable, ExpressibleByArgument {
    /// A numeric address, one look-up after the other.
    case numeric
    /// One name, all look-ups at once.
    case shared

    var host: String { self == .numeric ? "127.0.0.1" : "localhost" }
}

enum DNSImplementation: String, CaseIterable, Codable, ExpressibleByArgument {
    /// `uv_getaddrinfo`, on libuv's four threads.
    case libuv
    /// `SystemResolver`, from tasks on one loop.
    case reactor
    /// The C library's function, one call after the other, on the thread that asks.
    case getaddrinfo

    func run(_ mode: DNSMode, count: Int) throws -> cbaseline_time {
        let time: cbaseline_time
        switch self {
        case .libuv:
            time = cbaseline_dns(mode.host, Int64(count), mode == .numeric ? 1 : Int64(count))
        case .getaddrinfo: time = cbaseline_getaddrinfo(mode.host, Int64(count))
        case .reactor:
            time = try EventLoop.run { try await Self.reactor(mode, count) }
        }
        guard time.wall > 0 else { throw Failure("a look-up failed") }
        return time
    }

    private static func reactor(_ mode: DNSMode, _ count: Int) async throws -> cbaseline_time {
        let host = mode.host
        let watch = Stopwatch()
        if mode == .numeric {
            for _ in 0..<count {
                _ = try await SystemResolver.shared.addresses(of: host, port: 80)
            }
        } else {
            let loop = EventLoop.current!
            let tasks = (0..<count).map { _ in
                Task(executorPreference: loop) {
                    try await SystemResolver.shared.addresses(of: host, port: 80)
                }
            }
            for task in tasks { _ = try await task.value }
        }
        return watch.time()
    }
}
