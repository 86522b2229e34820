// A server that can say of a request that failed what it had done: each request leaves a trail,
// from wherever its work goes.
//
//     swift run Breadcrumbs --port 7000
//     echo /etc/hosts | nc -N 127.0.0.1 7000        how many words there are
//     echo /etc/shadow | nc -N 127.0.0.1 7000       what led to the failure

import ArgumentParser
import Foundation
import Reactor

@main
struct Breadcrumbs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Counts the words of files, and reports failures with what led to them.")

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for any.")
    var port = 7000

    func run() throws {
        let (host, port) = (host, port)
        try EventLoop.run(stopOn: [.terminate, .interrupt]) {
            let listener = try await TCPListener.bind(host: host, port: port)
            let office = try EventLoopGroup(count: 1, name: "ledger")
            let service = Service(ledger: Ledger(loop: office.loops[0]))
            report("listening on \(listener.localAddress)")
            try await listener.serve { stream in
                for try await line in stream.lines() {
                    try await stream.write(await service.answer(line))
                }
            }
            await office.shutdown()
        }
    }
}

/// What is done for a request. Nothing here takes a trail, or passes one on.
struct Service: Sendable {
    let ledger: Ledger

    /// The root of a request: the one place where its trail is laid.
    func answer(_ path: String) async -> String {
        let trail = Trail()
        return await Trail.$current.withValue(trail) {
            do {
                crumb("asked for \(path)")
                return "\(try await count(path)) words\n"
            } catch {
                return "failed: \(error)\n\(trail.text)"
            }
        }
    }

    private func count(_ path: String) async throws -> Int {
        // In turn, as it were: on the loop's timers.
        try await EventLoop.sleep(for: .milliseconds(1))
        crumb("got its turn")
        let text = try await blocking { try read(path) }
        let words = try await countWords(of: text)
        return try await ledger.enter(words)
    }

    /// May block: it runs on a thread of the pool's.
    private func read(_ path: String) throws -> [UInt8] {
        crumb("reads the file")
        return Array(try Data(contentsOf: URL(filePath: path)))
    }

    private func countWords(of text: [UInt8]) async throws -> Int {
        let command = Command("wc", "-w").with {
            $0.standardInput = .bytes(text)
            $0.standardOutput = .pipe
        }
        var words: Int?
        let status = try await command.run { child in
            crumb("runs \(child)")
            for try await line in child.standardOutput.lines() {
                crumb("hears from the child: \(line)")
                words = Int(line.filter { $0 != " " })
            }
        }
        crumb("the child has \(status)")
        guard let words else { throw Failure(reason: "the child did not count") }
        return words
    }
}

/// Keeps a record of what was counted, on a loop of its own.
struct Ledger: Sendable {
    let loop: EventLoop

    func enter(_ words: Int) async throws -> Int {
        try await loop.submit {
            crumb("enters \(words)")
            if words == 0 { throw Failure(reason: "an empty file is not worth an entry") }
            return words
        }
    }
}

struct Failure: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }
}

/// Prints at once, to a pipe as well.
func report(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
