// EventLoop.run from a synchronous @main, which is the main actor's: EventLoopMainTests runs it.

import Reactor

@main
@MainActor
struct RunFromAtMain {
    static var changes = 0

    static func main() throws {
        let result = try EventLoop.run {
            for _ in 0..<100 { await MainActor.run { changes += 1 } }
            try await Task { @MainActor in
                try await Task.sleep(for: .milliseconds(5))
                changes += 1
            }.value
            let report = try await EventLoop.current?.submit { EventLoop.current?.isCurrent }
            return report == true ? "done" : "lost"
        }
        print(result, changes)
    }
}
