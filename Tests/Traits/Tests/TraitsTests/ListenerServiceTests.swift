// A server in a real `ServiceGroup`, in a process of its own, ended by a real SIGTERM.

import Foundation
import Reactor
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ListenerServiceTests {
    /// Starts the server, hands over its address, and returns how it ended and what it printed.
    private func withServer(
        _ arguments: String..., body: (SocketAddress, ChildProcess) async throws -> Void
    ) async throws -> (Reactor.ExitStatus, [String]) {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(filePath: own).deletingLastPathComponent().appending(path: "Server").path
        let (status, lines) = try await Command(path, arguments).run(grace: .seconds(60)) { child in
            var lines = BufferedReader(child.standardOutput).lines().makeAsyncIterator()
            let address = try SocketAddress(try #require(try await lines.next()))
            try await body(address, child)
            var rest: [String] = []
            while let line = try await lines.next() { rest.append(line) }
            return rest
        }
        return (status, lines)
    }

    @Test func `requests under way are answered, nobody new is let in, the others end after it`()
        async throws
    {
        let (status, lines) = try await withServer { address, child in
            var streams: [TCPStream] = []
            for _ in 0..<50 {
                let stream = try await TCPStream.connect(to: address)
                try await stream.write("work\n")
                streams.append(stream)
            }
            for stream in streams {
                #expect(try await stream.read(upTo: 100) == Array("begun\n".utf8))
            }
            try child.send(.terminate)
            for stream in streams {
                #expect(try await stream.read(upTo: 100) == Array("done\n".utf8))
                #expect(try await stream.read(upTo: 100) == nil)
                await stream.close()
            }
            await #expect(throws: ReactorError.self) { try await TCPStream.connect(to: address) }
        }
        #expect(status == .exited(0))
        #expect(lines == ["database closed", "ended"])
    }

    @Test func `a handler that does not end in time is cancelled, and the group ends`()
        async throws
    {
        let (status, lines) = try await withServer("deaf") { address, child in
            let stream = try await TCPStream.connect(to: address)
            try await stream.write("deaf\n")
            #expect(try await stream.read(upTo: 100) == Array("begun\n".utf8))
            try child.send(.terminate)
            #expect(try await stream.read(upTo: 100) == nil)
            await stream.close()
        }
        #expect(status == .exited(0))
        #expect(lines == ["cancelled", "database closed", "ended"])
    }
}
