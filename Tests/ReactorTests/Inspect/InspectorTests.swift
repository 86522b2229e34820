// The inspector's socket: who may ask, what is answered, and its end.

import Foundation
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct InspectorTests {
    /// Runs `body` with a path at which an inspector listens.
    private func withInspector(
        admits: @escaping @Sendable (UInt32) -> Bool = Inspector.isOwn,
        _ body: (String) async throws -> Void
    ) async throws {
        let path = "/tmp/reactor-\(UUID().uuidString).socket"
        let address = try SocketAddress(path: path)
        let server = Task { try await Inspector.serve(at: address, admits: admits) }
        // The file is there a moment before it is listened at.
        try await until {
            guard let stream = try? await UnixStream.connect(to: address) else { return false }
            await stream.close()
            return true
        }
        try await body(path)
        server.cancel()
        await #expect(throws: CancellationError.self) { try await server.value }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    private func ask(_ question: String, at path: String) async throws -> String {
        try await UnixStream.withConnection(path: path) { stream in
            try await stream.write(question + "\n")
            return try await BufferedReader(stream).readLine(limitBytes: 1 << 26) ?? ""
        }
    }

    @Test func `every loop of the process is told, and its tasks by name`() async throws {
        let loop = try #require(EventLoop.current)
        let sleeper = loop.spawn(name: "sleeper") {
            try await EventLoop.sleep(for: .seconds(3_600))
        }
        try await withInspector { path in
            let answer = Data(try await ask("snapshot", at: path).utf8)
            let process = try JSONDecoder().decode(ProcessSnapshot.self, from: answer)
            #expect(process.pid == getpid())
            let mine = try #require(process.loops.first { $0.id == loop.id })
            let names = mine.tasks.map(\.name)
            #expect(names.contains("sleeper"))
        }
        sleeper.cancel()
        _ = await sleeper.result
    }

    @Test func `the socket is for its owner alone, and others are turned away`() async throws {
        try await withInspector { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        // Of the users that may ask, this one is none.
        try await withInspector(admits: { $0 != getuid() }) { path in
            // Without a question: the connection may be closed before one has come.
            let answer = try await UnixStream.withConnection(path: path) { stream in
                try await BufferedReader(stream).readLine()
            }
            #expect(answer == #"{"error":"not your process"}"#)
        }
        #expect(Inspector.isOwn(getuid()))
        #expect(!Inspector.isOwn(getuid() + 1))
    }

    @Test func `what is no question is answered with an error`() async throws {
        try await withInspector { path in
            for question in ["", "snapshots", "snapshot x", "snapshot -1", "snapshot 1 2"] {
                let answer = try await ask(question, at: path)
                #expect(answer.hasPrefix(#"{"error":""#), "\(question)")
            }
        }
    }
}
