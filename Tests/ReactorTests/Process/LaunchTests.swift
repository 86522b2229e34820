// Children on their way to their programs, beside the loop that started them.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct LaunchTests {
    @Test func `the loop goes on while a child is started`() async {
        await #expect(processExitsWith: .success) {
            guard !Spawner.usesUV else { return }
            try await withoutLeavingChildren {
                let isStarted = Flag()
                let loop = EventLoop.current!
                let task = Task(executorPreference: loop) {
                    let child = try await Command("sleep", "60").spawn()
                    isStarted.isSet = true
                    await child.terminate()
                }
                var steps = 0
                while !isStarted.isSet {
                    await Task.yield()
                    steps += 1
                }
                #expect(steps > 2)
                try await task.value
            }
        }
    }

    @Test func `a task on its loop starts a child without a thread, others by the pool`() async {
        await #expect(processExitsWith: .success) {
            guard !Spawner.usesUV, Spawner.forced == nil else { return }
            try await withoutLeavingChildren {
                for _ in 0..<20 { #expect(try await shell("exit 3").run() == .exited(3)) }
                // Unless the machine was too busy for it.
                #expect(Spawner.pool.statistics.threads == 0 || Spawner.hasPaused)
                // Leaves the loop's executor, and keeps its home.
                let elsewhere = Task { try await shell("echo out; exit 3").output() }
                let result = try await elsewhere.value
                #expect(result.status == .exited(3))
                #expect(result.text == "out\n")
                // Of more than one start its threads may be two, where it was too busy.
                let threads = Spawner.pool.statistics.threads
                #expect(threads == 1 || threads > 1 && Spawner.hasPaused)
            }
        }
    }

    @Test func `a child may get the number of the pipe that tells of it`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                let null = try FileDescriptor.open(FilePath("/dev/null"), .readOnly)
                let (reader, writer) = try FileDescriptor.pipe()
                let command = shell("echo through >/proc/self/fd/40").with {
                    for number in 3..<60 as Range<Int32> { $0.descriptors[number] = null }
                    $0.descriptors[40] = writer
                }
                for _ in 0..<50 { #expect(try await command.run() == .exited(0)) }
                await expect(.noSuchFile) {
                    try await command.with { $0.program = "/no/such" }.run()
                }
                try writer.close()
                #expect(try await text(of: reader) == String(repeating: "through\n", count: 50))
                try null.close()
            }
        }
    }

    @Test func `a loop that ends at once takes children on their way with it`() async {
        await #expect(processExitsWith: .success) {
            for _ in 0..<20 {
                try await onThread {
                    let loop = try EventLoop.run(grace: .zero, onReport: { _ in }) {
                        let loop = EventLoop.current!
                        for _ in 0..<10 {
                            loop.spawn { _ = try await Command("sleep", "60").spawn() }
                            // Deaf to the cancellation.
                            loop.spawn {
                                await Task { _ = try? await Command("sleep", "60").spawn() }.value
                            }
                        }
                        await Task.yield()
                        return loop
                    }
                    #expect(loop.queue.hasEnded)
                }
            }
            let start = ContinuousClock.now
            while try !childProcesses().isEmpty, ContinuousClock.now - start < .seconds(20) {
                usleep(1000)
            }
            #expect(try childProcesses().isEmpty)
        }
    }

    @Test func `a number that the system has used again is never signalled`() async {
        await #expect(processExitsWith: .success) {
            // In a namespace of its own this process could have the kernel give out any number.
            guard let last = FileHandle(forWritingAtPath: "/proc/sys/kernel/ns_last_pid") else {
                return
            }
            try await withoutLeavingChildren {
                for _ in 0..<50 {
                    let first = try await Command("true").spawn()
                    try await first.waitUntilExit()
                    guard (try? last.write(contentsOf: Data("\(first.pid - 1)".utf8))) != nil else {
                        return
                    }
                    let stranger = try await Command("sleep", "60").spawn()
                    await expect(.noSuchProcess) { try first.send(.kill) }
                    await expect(.noSuchProcess) { try first.sendToGroup(.kill) }
                    #expect(await first.terminate() == .exited(0))
                    let status = await stranger.terminate()
                    #expect(status == .signaled(.terminate, coreDumped: false))
                    if stranger.pid == first.pid { return }
                }
            }
        }
    }

    @Test func `a pipe that a child does not have is a trap`() async {
        await #expect(processExitsWith: .failure) {
            try await onThread {
                try EventLoop.run {
                    let child = try await Command("true").spawn()
                    _ = child.standardOutput
                }
            }
        }
    }
}

private func text(of reader: FileDescriptor) async throws -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    // SAFETY: the buffer is lent for the call.
    let count = try unsafe bytes.withUnsafeMutableBytes { unsafe try reader.read(into: $0) }
    try reader.close()
    return String(decoding: bytes[..<count], as: UTF8.self)
}
