// EventLoop.run from top-level code, which is the main actor's: EventLoopMainTests runs it.

import Dispatch
import Reactor

struct Failure: Error {}

var changes = 0

do {
    try EventLoop.run { throw Failure() }
} catch is Failure {
    print("thrown")
}

let result = try EventLoop.run {
    guard let loop = EventLoop.current else { return "no loop" }
    for _ in 0..<100 {
        await MainActor.run { changes += 1 }
        guard loop.isCurrent else { return "not back on the loop" }
    }
    // The main actor awaits, too: Swift's own timers resume it on the main queue.
    try await Task { @MainActor in
        try await Task.sleep(for: .milliseconds(5))
        changes += 1
    }.value
    try await EventLoop.sleep(for: .milliseconds(1))
    await withCheckedContinuation { continuation in
        DispatchQueue.main.async { continuation.resume() }
    }
    await withCheckedContinuation { continuation in
        DispatchQueue.main.asyncAfter(deadline: .now() + .milliseconds(5)) {
            continuation.resume()
        }
    }
    // Its clean-up needs the main actor as well, during the shutdown and after a wait has failed.
    loop.spawn {
        try? await EventLoop.sleep(for: .seconds(3_600))
        for _ in 0..<100 { await MainActor.run { changes += 1 } }
    }
    loop.onShutdown {
        for _ in 0..<100 { await MainActor.run { changes += 1 } }
    }
    Task(executorPreference: loop) {
        try? await EventLoop.sleep(for: .seconds(3_600))
        await MainActor.run { changes += 1 }
    }
    await Task.yield()
    return "done"
}
print(result, changes)
