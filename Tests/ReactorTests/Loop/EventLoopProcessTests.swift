// What loops leave in the process: nothing. And how they start where there is little.

import CFaults
import Foundation
import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct EventLoopProcessTests {
    @Test func `a thousand loops leave no descriptor and no thread`() async {
        await #expect(processExitsWith: .success) {
            // The first one starts what the process keeps: libuv's signal pipe.
            try await makeLoops(10)
            try await settle { try loopThreadCount() == 0 }
            let descriptors = try descriptorCount()
            try await makeLoops(500)
            for _ in 0..<500 {
                let result = try await onThread { try EventLoop.run { 7 } }
                #expect(result == 7)
            }
            // A thread goes after its loop has reported.
            try await settle { try leavesNothing(descriptors) }
        }
    }

    @Test func `a group that is dropped ends by itself`() async {
        await #expect(processExitsWith: .success) {
            try await makeLoops(1)
            try await settle { try loopThreadCount() == 0 }
            let descriptors = try descriptorCount()
            for _ in 0..<20 { _ = try EventLoopGroup(count: 2) }
            try await settle { try leavesNothing(descriptors) }
        }
    }

    @Test func `without a free descriptor a loop cannot start, and later it can`() async {
        await #expect(processExitsWith: .success) {
            let hoard = try Hoard()
            // Nine are needed.
            for free in 0..<9 {
                await hoard.expectRefusal(leaving: free) { try await makeAndEnd(1, hoard) }
            }
            for free in 9..<12 {
                hoard.fill(leaving: free)
                do { try await makeAndEnd(1, hoard) } catch let error as ReactorError {
                    #expect(error.code == .tooManyOpenFiles)
                }
            }
            await hoard.expectRefusal { try await onThread { try EventLoop.run {} } }
            hoard.release()
            try await makeLoops(2)
        }
    }

    @Test func `a group that fails at its second loop leaves none`() async {
        await #expect(processExitsWith: .success) {
            try await makeLoops(1)
            try await settle { try loopThreadCount() == 0 }
            let descriptors = try descriptorCount()
            let hoard = try Hoard()
            await hoard.expectRefusal(leaving: 16) { try await makeAndEnd(3, hoard) }
            hoard.release()
            try await settle { try leavesNothing(descriptors) }
            try await makeLoops(3)
        }
    }

    @Test func `a thread that cannot be made is an error, and leaves nothing`() async {
        await #expect(processExitsWith: .success) {
            try await failForWantOfThread()
            try await settle { try loopThreadCount() == 0 }
            let descriptors = try descriptorCount()
            for _ in 0..<10 { try await failForWantOfThread() }
            try await settle { try leavesNothing(descriptors) }
            try await makeLoops(1)
        }
    }

    @Test func `a descriptor that cannot be polled is an error, and leaves nothing`() async {
        await #expect(processExitsWith: .success) {
            try await makeLoops(1)
            try await settle { try loopThreadCount() == 0 }
            let descriptors = try descriptorCount()
            for _ in 0..<10 {
                faults_fail(FAULTS_EPOLL_ADD, ENOSPC, 1)
                #expect(throws: ReactorError.self) { try EventLoopGroup(count: 2, name: "passing") }
                faults_fail(FAULTS_EPOLL_ADD, ENOSPC, 1)
                try await onThread {
                    #expect(throws: ReactorError.self) { try EventLoop.run {} }
                    #expect(EventLoop.current == nil)
                }
            }
            try await settle { try leavesNothing(descriptors) }
            try await makeLoops(1)
        }
    }

    @Test func `a process without standard error has loops`() async {
        await #expect(processExitsWith: .success) {
            close(2)
            try await makeLoops(1)
        }
    }

    @Test func `a task of an ended loop goes on where no thread can be made`() async {
        await #expect(processExitsWith: .success) {
            let group = try EventLoopGroup(count: 1)
            let loop = group.loops[0]
            let (isParked, gate) = (Gate(), Gate())
            let task = Task(executorPreference: loop) {
                isParked.open()
                await gate.wait()
                return loop.isCurrent
            }
            await isParked.wait()
            await group.shutdown()
            try withLittleMemory { gate.open() }
            #expect(await task.value == false)
        }
    }
}

private func makeLoops(_ count: Int) async throws {
    for _ in 0..<count {
        let group = try EventLoopGroup(count: 1, name: "passing")
        try await group.loops[0].submit {}
        await group.shutdown()
    }
}

/// A group that has gone when this returns, with all of its descriptors. Counting takes one.
private func makeAndEnd(_ count: Int, _ hoard: Hoard) async throws {
    await (try EventLoopGroup(count: count)).shutdown()
    hoard.release()
    try await settle { try loopThreadCount() == 0 }
}

/// Stacks that threads of before have left behind are used first: some groups start.
private func failForWantOfThread() async throws {
    var groups: [EventLoopGroup] = []
    try withLittleMemory {
        let error = #expect(throws: ReactorError.self) {
            while groups.count < 20 { groups.append(try EventLoopGroup(count: 1, name: "passing")) }
        }
        #expect(error?.code == .init(rawValue: -EAGAIN))
    }
    for group in groups { await group.shutdown() }
}

/// No loop's thread, and no more descriptors than before.
///
/// Dispatch may open a few of its own meanwhile, and the last loop before the count may have held
/// some still: what is repeated ten times and leaks would be beyond them.
private func leavesNothing(_ descriptors: Int) throws -> Bool {
    try descriptorCount() <= descriptors + 4 && loopThreadCount() == 0
}

/// Threads of this process that are some loop's, or the fallback thread.
private func loopThreadCount() throws -> Int {
    let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
    return tasks.count {
        let name = try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)
        return name?.hasPrefix("passing") == true || name?.hasPrefix("loop-") == true
    }
}

/// Waits for what follows at once, but on other threads.
private func settle(_ condition: () throws -> Bool) async throws {
    let start = ContinuousClock.now
    while try !condition() {
        guard ContinuousClock.now - start < .seconds(30) else {
            Issue.record("not in thirty seconds")
            return
        }
        await Task.yield()
    }
}

/// Runs `body` where memory for another thread's stack is not to be had.
private func withLittleMemory(_ body: () throws -> Void) throws {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        .split(separator: " ")[0]
    let used = try #require(UInt(pages)) * 4096
    var old = rlimit()
    // SAFETY: the kernel fills a live variable.
    _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &old)
    var little = rlimit(rlim_cur: used + 4 << 20, rlim_max: old.rlim_max)
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &little)
    defer { _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &old) }
    try body()
}
