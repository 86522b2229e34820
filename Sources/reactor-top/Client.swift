// The inspector's other end: a question a line, an answer a line.

import Foundation
import Reactor

struct Client {
    private let stream: UnixStream
    private let reader: BufferedReader<UnixStream>
    private let limit: Int

    init(_ stream: UnixStream, limit: Int) {
        self.stream = stream
        reader = BufferedReader(stream)
        self.limit = limit
    }

    /// The answer as it came.
    func ask() async throws -> String {
        try await stream.write("snapshot \(limit)\n")
        guard let line = try await reader.readLine(limitBytes: 1 << 28) else {
            throw Refusal("the process has closed the connection")
        }
        let answer = try? JSONDecoder().decode([String: String].self, from: Data(line.utf8))
        if let error = answer?["error"] { throw Refusal(error) }
        return line
    }

    func look() async throws -> Look {
        let line = Data(try await ask().utf8)
        return Look(process: try JSONDecoder().decode(ProcessSnapshot.self, from: line))
    }
}

/// What the inspector did not want.
struct Refusal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// One answer, with the time it came.
struct Look {
    let process: ProcessSnapshot
    let time = LoopClock.Instant.now
}
