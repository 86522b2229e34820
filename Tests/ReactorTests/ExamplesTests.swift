// The examples, run as programs beside this one and used over the loopback interface.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ExamplesTests {
    @Test func `the echo server sends everything back`() async throws {
        try await withExample("EchoServer", ["--port", "0"]) { line in
            let address = try SocketAddress(String(try #require(line.split(separator: " ").last)))
            try await echoes(through: address)
        }
    }

    @Test func `the proxy passes both ways, and the end of each`() async throws {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let server = listener.loop.spawn {
            try await listener.serve(drain: .zero) { stream in
                for try await chunk in stream.chunks { try await stream.write(chunk) }
                try await stream.write("the end\n")
            }
        }
        let upstream = listener.localAddress
        let arguments = [upstream.ip, String(upstream.port), "--port", "0"]
        try await withExample("TCPProxy", arguments) { line in
            let address = try SocketAddress(String(line.split(separator: " ")[1]))
            try await echoes(through: address, ending: "the end\n")
        }
        server.cancel()
        _ = await server.result
    }

    @Test func `the UDP echo answers Reactor, Python and netcat`() async throws {
        try await withExample("UDPEcho", ["--port", "0"]) { line in
            let address = try SocketAddress(String(try #require(line.split(separator: " ").last)))
            let client = try await UDPSocket.connect(to: address)
            for message in [[], [1], Pattern.bytes(65_507)] {
                try await client.send(message)
                #expect(try await client.receive().bytes == message)
            }
            let script = """
                import socket
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.settimeout(20)
                for message in [b"hello", b"", b"x" * 9000]:
                    s.sendto(message, ("127.0.0.1", \(address.port)))
                    answer, sender = s.recvfrom(65536)
                    assert answer == message and sender[1] == \(address.port), answer
                print("fine")
                """
            let python = try await output(of: "python3", ["-c", script])
            if let python { #expect(python == "fine\n") } else { Skip.note("no python3") }
            var netcat: String?
            // How long it waits for an answer; a busy machine may need more.
            for seconds in ["1", "5", "20"] {
                netcat = try await output(
                    of: "nc", ["-u", "-w", seconds, "127.0.0.1", String(address.port)],
                    input: "hello\n")
                if netcat != "" { break }
            }
            if let netcat { #expect(netcat == "hello\n") } else { Skip.note("no nc") }
        }
    }

    @Test func `breadcrumbs tell of each failed request what led to it, and of no other`()
        async throws
    {
        let empty = "/tmp/reactor-\(UUID().uuidString)"
        #expect(FileManager.default.createFile(atPath: empty, contents: nil))
        defer { try? FileManager.default.removeItem(atPath: empty) }
        try await withExample("Breadcrumbs", ["--port", "0"]) { line in
            let address = try SocketAddress(String(try #require(line.split(separator: " ").last)))
            let requests = ["/etc/passwd", empty, "/no/such", "/etc/passwd", empty]
            let answers = try await withThrowingTaskGroup { group in
                for (index, request) in requests.enumerated() {
                    group.addTask { (index, try await answer(request, from: address)) }
                }
                return try await group.reduce(into: [Int: [String]]()) { $0[$1.0] = $1.1 }
            }
            for index in [0, 3] { #expect(answers[index]?.first?.hasSuffix("words") == true) }
            for index in [1, 4] {
                let trail = try #require(answers[index])
                #expect(trail[0] == "failed: an empty file is not worth an entry")
                #expect(trail[1].hasPrefix("  asked for \(empty) (on "))
                #expect(trail[2].hasPrefix("  got its turn (on "))
                #expect(trail[3] == "  reads the file (on no loop)")
                #expect(trail[4].hasPrefix("  runs "))
                #expect(trail[5].hasPrefix("  hears from the child: 0 (on "))
                #expect(trail[6].hasPrefix("  the child has "))
                #expect(trail[7...] == ["  enters 0 (on ledger-0)"])
            }
            let missing = try #require(answers[2])
            #expect(missing.count == 4)
            #expect(missing[1].hasPrefix("  asked for /no/such"))
            #expect(missing[3] == "  reads the file (on no loop)")
        }
    }

    /// The lines that come for one.
    private func answer(_ line: String, from address: SocketAddress) async throws -> [String] {
        try await TCPStream.withConnection(to: address) { stream in
            try await stream.write("\(line)\n")
            try await stream.finish()
            var lines: [String] = []
            for try await line in stream.lines() { lines.append(line) }
            return lines
        }
    }

    /// What a program prints; `nil` where there is no such program.
    private func output(
        of program: String, _ arguments: [String], input: String = ""
    ) async throws -> String? {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        guard
            let path = folders.map({ "\($0)/\(program)" })
                .first(where: { FileManager.default.isExecutableFile(atPath: $0) })
        else { return nil }
        return try await blocking {
            let process = Process()
            let (answers, questions) = (Pipe(), Pipe())
            process.executableURL = URL(filePath: path)
            process.arguments = arguments
            process.standardOutput = answers
            process.standardInput = questions
            try process.run()
            questions.fileHandleForWriting.write(Data(input.utf8))
            try questions.fileHandleForWriting.close()
            let all = try answers.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return String(decoding: all, as: UTF8.self)
        }
    }

    private func echoes(through address: SocketAddress, ending: String = "") async throws {
        try await withThrowingTaskGroup { group in
            for size in [1, 1_000, 300_000] {
                group.addTask {
                    try await TCPStream.withConnection(to: address) { stream in
                        let sent = [UInt8](repeating: UInt8(size % 251), count: size)
                        async let writing: Void = {
                            try await stream.write(sent)
                            try await stream.finish()
                        }()
                        var received: [UInt8] = []
                        for try await chunk in stream.chunks { received += chunk }
                        try await writing
                        #expect(received == sent + Array(ending.utf8))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Starts a program, hands over the first line it prints, and ends it: by SIGKILL, since a
    /// program started from a thread of Dispatch's inherits a mask that blocks SIGTERM.
    func withExample(
        _ name: String, _ arguments: [String], _ body: (String) async throws -> Void
    ) async throws {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = try builtProgram(name)
        process.arguments = arguments
        process.standardOutput = pipe
        try process.run()
        let reading = pipe.fileHandleForReading
        let ended = Unchecked(process)
        do {
            let line = try await blocking {
                String(decoding: reading.availableData, as: UTF8.self)
            }
            try await body(line.trimmingCharacters(in: .newlines))
        } catch {
            kill(process.processIdentifier, SIGKILL)
            throw error
        }
        kill(process.processIdentifier, SIGKILL)
        try await blocking { ended.value.waitUntilExit() }
    }
}
