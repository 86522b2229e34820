// The TCP echo servers by name.

import ArgumentParser
import CBaseline
import Foundation

enum TCPImplementation: String, CaseIterable, Codable, ExpressibleByArgument {
    /// Plain C on raw libuv: the baseline.
    case libuv
    /// `stream.read(into:)` on the loop.
    case reactor
    /// `for try await chunk in stream.chunks` on the loop.
    case reactorChunks = "reactor-chunks"
    /// The same from plain tasks that run on no loop.
    case reactorAsyncMain = "reactor-async-main"
    /// `reactor` while an inspector is served, and asked for a snapshot once a second.
    case reactorInspected = "reactor-inspected"
    /// A `ChannelHandler`.
    case nio
    /// `NIOAsyncChannel`, a task per connection.
    case nioAsync = "nio-async"
    /// The same with NIO's loop as the global executor.
    case nioAsyncGlobal = "nio-async-global"

    /// Those that a run of everything compares.
    static var compared: [Self] { allCases.filter { $0 != .reactorInspected } }

    /// Serves echo on one loop until SIGTERM.
    func serve(port: UInt16) throws {
        cbaseline_end_on_sigterm()
        switch self {
        case .libuv:
            let status = cbaseline_echo(port) { Self.ready($0) }
            throw Failure("libuv: \(String(cString: strerror(-status)))")
        case .reactor: try ReactorServer.serveReads(port: port)
        case .reactorChunks: try ReactorServer.serveChunks(port: port)
        case .reactorAsyncMain:
            Self.runAsAsyncMain { try await ReactorServer.serveOffLoop(port: port) }
        case .reactorInspected:
            try ReactorServer.inspected { try ReactorServer.serveReads(port: port) }
        case .nio: try NIOServer.serveHandlers(port: port)
        case .nioAsync: Self.runAsAsyncMain { try await NIOServer.serveAsync(port: port) }
        case .nioAsyncGlobal:
            try NIOServer.installAsGlobalExecutor()
            Self.runAsAsyncMain { try await NIOServer.serveAsyncOnSingleton(port: port) }
        }
    }

    static func ready(_ port: UInt16) {
        print("ready \(port)")
        fflush(nil)
    }

    /// What an `async` main does: a task on the default executor, and the main thread for the
    /// main queue.
    private static func runAsAsyncMain(_ body: @escaping @Sendable () async throws -> Void) {
        Task.detached {
            do { try await body() } catch {
                FileHandle.standardError.write(Data("\(error)\n".utf8))
                exit(1)
            }
        }
        dispatchMain()
    }
}
