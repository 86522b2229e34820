// Echo with Reactor, in each of the ways that a user may write it.

import CBaseline
import Foundation
import Reactor

enum ReactorServer {
    static func serveReads(port: UInt16) throws {
        try EventLoop.run {
            try await listen(port).serve(limit: 20_000) { try await echoReads($0) }
        }
    }

    /// The same on several loops, each on a core of its own where there are enough.
    static func serveReads(port: UInt16, loops: Int) throws {
        try EventLoopGroup.run(count: loops) { group in
            for (index, loop) in group.loops.enumerated() where loops <= Machine.coreCount {
                try await loop.submit { _ = cbaseline_pin(cbaseline_core(Int32(index))) }
            }
            let listener = try await TCPListener.bind(
                to: .loopback(port: port), reusePort: true)
            TCPImplementation.ready(UInt16(listener.localAddress.port))
            try await listener.serve(on: group, limit: 20_000) { try await echoReads($0) }
        }
    }

    @inline(__always)
    private static func echoReads(_ stream: TCPStream) async throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            var span = buffer.mutableSpan
            let count = try await stream.read(into: &span)
            if count == 0 { return }
            try await stream.write(buffer.span.extracting(0..<count))
        }
    }

    static func serveChunks(port: UInt16) throws {
        try EventLoop.run {
            let listener = try await listen(port)
            try await listener.serve(limit: 20_000) { stream in
                for try await chunk in stream.chunks { try await stream.write(chunk) }
            }
        }
    }

    /// As an async main that keeps its own tasks would: each connection in a plain task on the
    /// default executor, so that every read is carried to the stream's loop and back.
    static func serveOffLoop(port: UInt16) async throws {
        let listener = try await listen(port)
        try await listener.serve(limit: 20_000) { stream in
            let echo = Task.detached {
                for try await chunk in stream.chunks { try await stream.write(chunk) }
            }
            try await echo.value
        }
    }

    /// Serves an inspector beside `body`, and asks it once a second, as reactor-top does.
    static func inspected(_ body: () throws -> Void) throws {
        let path = NSTemporaryDirectory() + "/bench-\(getpid()).socket"
        Task.detached {
            do { try await EventLoop.serveInspector(at: path) } catch {
                FileHandle.standardError.write(Data("inspector: \(error)\n".utf8))
                exit(1)
            }
        }
        Task.detached {
            while true {
                try await Task.sleep(for: .seconds(1))
                try await UnixStream.withConnection(path: path) { stream in
                    try await stream.write("snapshot\n")
                    _ = try await BufferedReader(stream).readLine(limitBytes: 1 << 26)
                }
            }
        }
        try body()
    }

    private static func listen(_ port: UInt16) async throws -> TCPListener {
        let listener = try await TCPListener.bind(to: .loopback(port: port))
        TCPImplementation.ready(UInt16(listener.localAddress.port))
        return listener
    }
}
