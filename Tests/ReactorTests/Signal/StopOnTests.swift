// Signals that stop a loop, sent to real servers in processes of their own.
//
// They are started from threads of Dispatch's, so every thread of theirs blocks the signal but the
// one that listens: each test here shows that it is heard all the same.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct StopOnTests {
    @Test(.tags(.slow)) func `a thousand requests under way are answered, and the process ends`()
        async throws
    {
        let ended = try await withServer("serve") { server in
            try await crowd(1_000, through: server) {
                server.send(SIGTERM)
            }
            await #expect(throws: ReactorError.self) {
                try await TCPStream.connect(to: server.address)
            }
        }
        #expect(ended.status == 0)
        #expect(ended.lines == ["drained", "hook", "report: clean", "ended"])
        // Nobody waited for the end of the grace.
        #expect(ended.elapsed < .seconds(60))
    }

    @Test(.tags(.slow)) func `connections without a request are closed when the time is up`()
        async throws
    {
        let ended = try await withServer("serve", "8") { server in
            let idle = try await TCPStream.connect(to: server.address)
            try await crowd(3, through: server) {
                server.send(SIGTERM)
            }
            #expect(try await idle.read(upTo: 1) == nil)
            await idle.close()
        }
        #expect(ended.status == 0)
        // A part of the grace is for draining.
        #expect(ended.elapsed >= .seconds(1) && ended.elapsed < .seconds(16))
        #expect(ended.lines.contains { $0.contains("the stream with 127.0.0.1") })
        #expect(ended.lines.contains { $0.contains("waiting for bytes from 127.0.0.1:") })
    }

    @Test(.tags(.slow)) func `several loops stop together`() async throws {
        let ended = try await withServer("group") { server in
            try await crowd(50, through: server) {
                server.send(SIGTERM)
            }
        }
        #expect(ended.status == 0)
        #expect(ended.lines.filter { $0 == "report: clean" }.count == 3)
    }

    @Test(.tags(.slow)) func `what is served on the shared loops drains at once too`() async throws
    {
        let ended = try await withServer("shared") { server in
            try await crowd(50, through: server) {
                server.send(SIGTERM)
            }
        }
        #expect(ended.status == 0)
        // None of the handlers needed the end of the grace, which is an hour there.
        #expect(ended.lines == ["drained", "report: clean", "ended"])
    }

    @Test(.tags(.slow)) func `under load the children end, and the sockets' files go`()
        async throws
    {
        try await withDirectory { directory in
            let path = directory.appending("socket")
            let ended = try await withServer("everything", path.string) { server in
                let pid = try #require(try await server.nextLine().flatMap { Int32($0) })
                #expect(kill(pid, 0) == 0)
                #expect(try names(in: directory) == ["socket"])
                try await crowd(20, through: server) {
                    server.send(SIGTERM)
                }
                while try await server.nextLine() != nil {}
                // Killed by then; who reaps an orphan takes its time.
                try await until { kill(pid, 0) == -1 }
            }
            #expect(ended.status == 0)
            #expect(ended.lines.dropFirst() == ["drained", "report: clean", "ended"])
            #expect(try names(in: directory).isEmpty)
        }
    }

    @Test(.tags(.slow)) func `a handler that never ends is named, and left behind`() async throws {
        let ended = try await withServer("serve") { server in
            let stream = try await TCPStream.connect(to: server.address)
            try await stream.write("deaf\n")
            #expect(try await stream.read(upTo: 100) == Array("begun\n".utf8))
            server.send(SIGTERM)
            server.send(SIGINT)
            _ = try? await stream.read(upTo: 1)
            await stream.close()
        }
        let name = "cancelling: the stream with 127.0.0.1"
        #expect(ended.lines.contains { $0.hasPrefix(name) && $0.hasSuffix("for its handler") })
        #expect(ended.lines.contains { $0.contains("task the body of") })
        #expect(!ended.lines.contains("ended"))
    }

    @Test(.tags(.slow)) func `a task that never yields is named from another thread`() async throws
    {
        let ended = try await withServer("spin", kills: true) { server in
            while try await server.nextLine() != "spins" {}
            server.send(SIGTERM)
            while try await server.nextLine()?.contains("task the endless one") == false {}
        }
        #expect(ended.lines.contains { $0.contains("does not yield") })
    }

    /// Connections with a request under way when `stop` is called; each must get its answer.
    private func crowd(
        _ count: Int, through server: Server, _ stop: () -> Void
    ) async throws {
        var streams: [TCPStream] = []
        for _ in 0..<count {
            let stream = try await TCPStream.connect(to: server.address)
            try await stream.write("work\n")
            streams.append(stream)
        }
        for stream in streams {
            #expect(try await stream.read(upTo: 100) == Array("begun\n".utf8))
        }
        // All are under way: none is answered before the stop.
        stop()
        var answered = 0
        for stream in streams {
            if try await stream.read(upTo: 100) == Array("done\n".utf8) { answered += 1 }
            #expect(try await stream.read(upTo: 100) == nil)
            await stream.close()
        }
        #expect(answered == count)
    }
}

/// A server as a process, and what it prints.
private final class Server: Sendable {
    let address: SocketAddress
    private let process: Unchecked<Process>
    private let output: Unchecked<FileHandle>
    private let printed = Record<String>()
    private let rest = Locked<[String]>([])
    private let signalled = Locked<ContinuousClock.Instant?>(nil)

    struct End {
        var status: Int32
        var lines: [String]
        var elapsed: Duration
    }

    init(_ arguments: [String]) async throws {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = try builtProgram("StopOnSignal")
        process.arguments = arguments
        process.standardOutput = pipe
        let started = Unchecked(process)
        self.process = started
        output = Unchecked(pipe.fileHandleForReading)
        let reading = output
        let first = try await blocking {
            try started.value.run()
            return String(decoding: reading.value.availableData, as: UTF8.self)
        }
        let lines = first.split(separator: "\n").map(String.init)
        address = try SocketAddress(try #require(lines.first))
        rest.withLock { $0 += lines.dropFirst() }
    }

    func send(_ signal: Int32) {
        signalled.withLock { $0 = $0 ?? .now }
        kill(process.value.processIdentifier, signal)
    }

    func nextLine() async throws -> String? {
        while true {
            if let line = rest.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
                printed.add(line)
                return line
            }
            let output = output
            let data = await blockingRead { output.value.availableData }
            if data.isEmpty { return nil }
            rest.withLock {
                $0 += String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
            }
        }
    }

    private func blockingRead(_ body: @escaping @Sendable () -> Data) async -> Data {
        (try? await blocking { body() }) ?? Data()
    }

    func end(kills: Bool) async throws -> End {
        let process = process
        if kills { kill(process.value.processIdentifier, SIGKILL) }
        while try await nextLine() != nil {}
        try await blocking { process.value.waitUntilExit() }
        let start = signalled.withLock { $0 } ?? .now
        // Times differ from run to run.
        let lines = printed.all.map { $0.contains("clean") ? "report: clean" : $0 }
        return End(
            status: process.value.terminationReason == .exit
                ? process.value.terminationStatus : -process.value.terminationStatus,
            lines: lines, elapsed: .now - start)
    }
}

private func withServer(
    _ arguments: String..., kills: Bool = false, body: (Server) async throws -> Void
) async throws -> Server.End {
    let server = try await Server(arguments)
    do { try await body(server) } catch {
        server.send(SIGKILL)
        throw error
    }
    return try await server.end(kills: kills)
}
