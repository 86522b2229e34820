// A server that is told to stop in the middle of its requests: who finishes, and how long it takes.

import Foundation
import Reactor

enum StopSoak {
    /// What closing may take beyond the grace period.
    private static let margin = Duration.milliseconds(100)
    /// What a task that has been cancelled gets beyond it, before it is given up.
    private static let patience = Duration.seconds(1)

    /// Returns what there is to say, and throws where a request was cut off, a connection was
    /// accepted after the signal, or the end came late. One of `connections` never ends if
    /// `isOneDeaf`.
    static func run(_ connections: Int, _ grace: Int, isOneDeaf: Bool) async throws -> String {
        let arguments = ["serve", "stopping", "--grace", "\(grace)"]
        let server = try Command(Child.ownPath(), arguments)
            .with { $0.standardOutput = .pipe }
        var elapsed = Duration.zero
        var report: [String] = []
        let status = try await server.run { child in
            let lines = BufferedReader(child.standardOutput)
            guard let port = UInt16(try await lines.readLine() ?? "") else {
                throw Failure("no server")
            }
            var streams: [TCPStream] = []
            for index in 0..<connections {
                let stream = try await TCPStream.connect(to: .loopback(port: port))
                try await stream.write(isOneDeaf && index == 0 ? "!" : "?")
                streams.append(stream)
            }
            for stream in streams { try await expect("begun", of: stream) }
            var idle: [TCPStream] = []
            for _ in 0..<connections / 10 {
                idle.append(try await TCPStream.connect(to: .loopback(port: port)))
            }
            let start = ContinuousClock.now
            try child.send(.terminate)
            let deaf = isOneDeaf ? streams.removeFirst() : nil
            for stream in streams {
                try await expect("done", of: stream)
                guard try await stream.read(upTo: 1) == nil else { throw Failure("more came") }
            }
            guard await refuses(port) else { throw Failure("it still accepts") }
            for stream in idle where try await stream.read(upTo: 1) != nil {
                throw Failure("one that asked for nothing got an answer")
            }
            try await child.waitUntilExit()
            elapsed = ContinuousClock.now - start
            while let line = try await lines.readLine() { report.append(line) }
            for stream in streams + idle { await stream.close() }
            deaf?.abort()
        }
        guard status == .exited(0) else { throw Failure("it ended with \(status)") }
        let limit = .seconds(grace) + margin + (isOneDeaf ? patience : .zero)
        guard elapsed <= limit else { throw Failure("it took \(elapsed)") }
        // Those that asked for nothing are in it too.
        let named = report.filter { $0.contains("waiting for its handler") }
        guard named.isEmpty != isOneDeaf else { throw Failure("the report says \(report)") }
        let finished = connections - (isOneDeaf ? 1 : 0)
        return """
            \(finished) of \(connections) requests under way finished, \(connections / 10) others \
            closed, the end came after \(elapsed.formatted(.units(allowed: [.milliseconds])))
            """ + named.map { "\n" + $0 }.joined()
    }

    private static func expect(_ word: String, of stream: TCPStream) async throws {
        var got = ""
        while got.utf8.count < word.utf8.count {
            let bytes = try await stream.read(upTo: word.utf8.count - got.utf8.count)
            guard let bytes else { throw Failure("cut off after '\(got)', not '\(word)'") }
            got += String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func refuses(_ port: UInt16) async -> Bool {
        do { try await TCPStream.connect(to: .loopback(port: port)).abort() } catch { return true }
        return false
    }

    /// The server: a request lasts until the signal and up to three quarters of the grace period
    /// longer.
    static func serve(grace: Int) throws {
        let say = { @Sendable (text: String) in
            FileHandle.standardOutput.write(Data((text + "\n").utf8))
        }
        try EventLoop.run(
            stopOn: [.terminate], grace: .seconds(grace),
            onReport: { if !$0.holdups.isEmpty { say("\($0)") } }
        ) {
            let signals = try Signals(.terminate)
            let stop = Promise<Void>(name: "signal")
            EventLoop.current?.spawn {
                _ = try await signals.next()
                stop.succeed()
            }
            let listener = try await TCPListener.bind(to: .loopback(port: 0), backlog: 4096)
            say("\(listener.localAddress.port)")
            try await listener.serve { stream in
                let request = try await stream.read(upTo: 1)
                try await stream.write("begun")
                if request == [UInt8(ascii: "!")] {
                    // Nobody cancels that task: this handler waits however often it is told.
                    _ = await Task.detached { try await Task.sleep(for: .seconds(3_600)) }.result
                }
                try await stop.future.value
                let rest = Double.random(in: 0...0.75) * Double(grace)
                try await EventLoop.sleep(for: .seconds(rest))
                try await stream.write("done")
            }
        }
    }
}
