// Children by swift-subprocess, from tasks on the default executor, as its users have them.

import CBaseline
import Dispatch
import Subprocess

enum SubprocessChildren {
    /// Starts `/bin/true` with this process's streams, and waits for it.
    static func run(_ count: Int, _ atOnce: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<atOnce {
                group.addTask {
                    for _ in stride(from: index, to: count, by: atOnce) {
                        let result = try await Subprocess.run(
                            .path("/bin/true"), input: .currentStandardInput,
                            output: .currentStandardOutput, error: .currentStandardError)
                        guard case .exited(0) = result.terminationStatus else {
                            throw Failure("a child failed")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Reads all that the program writes, in buffers of 64 KiB.
    static func read(_ words: [String], _ bytes: Int) async throws {
        let result = try await Subprocess.run(
            .name(words[0]), arguments: Arguments(Array(words.dropFirst())), input: .none,
            output: .sequence, error: .currentStandardError
        ) { execution in
            var total = 0
            for try await buffer in execution.standardOutput { total += buffer.count }
            return total
        }
        let total = result.closureResult
        guard case .exited(0) = result.terminationStatus, total == bytes else {
            throw Failure("\(result.terminationStatus), \(total) of \(bytes) bytes")
        }
    }
}

/// Runs `body` on the default executor and blocks until it has ended.
func waiting(_ body: @escaping @Sendable () async throws -> cbaseline_time) throws -> cbaseline_time
{
    let done = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var result: Result<cbaseline_time, any Error>?
    Task.detached {
        do { result = .success(try await body()) } catch { result = .failure(error) }
        done.signal()
    }
    done.wait()
    return try result!.get()
}
