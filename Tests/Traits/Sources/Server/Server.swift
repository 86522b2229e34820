// A server among other services of a `ServiceGroup`, which SIGTERM ends: see ListenerServiceTests.

import Foundation
import Logging
import Reactor
import ServiceLifecycle
import Synchronization

/// Must outlive the server: the group ends the services one after the other, the last one first.
struct Database: Service {
    static let isOpen = Atomic(true)

    func run() async throws {
        try await gracefulShutdown()
        Self.isOpen.store(false, ordering: .relaxed)
        say("database closed")
    }
}

@main
struct Server {
    static func main() async throws {
        let isDeaf = CommandLine.arguments.contains("deaf")
        let server = ListenerService {
            let listener = try await TCPListener.bind(to: .loopback(port: 0))
            say("\(listener.localAddress)")
            try await listener.serve(drain: isDeaf ? .milliseconds(50) : .seconds(30), handle)
        }
        let group = ServiceGroup(
            services: [Database(), server], gracefulShutdownSignals: [.sigterm],
            logger: Logger(label: "server", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await group.run()
        say("ended")
    }
}

/// Says that a request is under way, and answers it once the shutdown has begun.
@Sendable func handle(_ stream: TCPStream) async throws {
    for try await line in stream.lines() {
        try await stream.write("begun\n")
        if line == "deaf" {
            do { try await EventLoop.sleep(for: .seconds(3_600)) } catch {
                say("cancelled")
                throw error
            }
        }
        while !Task.isShuttingDownGracefully {
            try await EventLoop.sleep(for: .milliseconds(5))
        }
        // Well beyond the signal; other services are still there.
        try await EventLoop.sleep(for: .milliseconds(50))
        let isOpen = Database.isOpen.load(ordering: .relaxed)
        return try await stream.write(isOpen ? "done\n" : "no database\n")
    }
}

/// Prints at once, to a pipe as well.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
