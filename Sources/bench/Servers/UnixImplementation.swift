// The echo servers over Unix sockets by name.

import ArgumentParser
import CBaseline
import Foundation
import Reactor

enum UnixImplementation: String, CaseIterable, Codable, ExpressibleByArgument {
    /// Plain C on raw libuv, `uv_pipe_t`: the baseline.
    case libuv
    /// `stream.read(into:)` on the loop.
    case reactor
    /// `for try await chunk in stream.chunks` on the loop.
    case reactorChunks = "reactor-chunks"

    /// Serves echo on one loop until SIGTERM.
    func serve(path: String) throws {
        cbaseline_end_on_sigterm()
        switch self {
        case .libuv:
            let status = cbaseline_echo_unix(path) { TCPImplementation.ready($0) }
            throw Failure("libuv: \(String(cString: strerror(-status)))")
        case .reactor:
            try Self.serve(path) { stream in
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while true {
                    var span = buffer.mutableSpan
                    let count = try await stream.read(into: &span)
                    if count == 0 { return }
                    try await stream.write(buffer.span.extracting(0..<count))
                }
            }
        case .reactorChunks:
            try Self.serve(path) { stream in
                for try await chunk in stream.chunks { try await stream.write(chunk) }
            }
        }
    }

    private static func serve(
        _ path: String, _ handler: @escaping @Sendable (UnixStream) async throws -> Void
    ) throws {
        try EventLoop.run {
            let listener = try await UnixListener.bind(path: path)
            TCPImplementation.ready(0)
            try await listener.serve(limit: 20_000, handler)
        }
    }
}
