// The ends of processes that somebody else has started.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ProcessWatcherTests {
    @Test func `the end of a process that is no child is told, its status is not`() async throws {
        let result = try await shell("sleep 60 >/dev/null 2>&1 & echo $!").output()
        let pid = try #require(Int32(result.text.dropLast()))
        async let status = ProcessWatcher.exit(of: pid)
        try await turnLoop()
        kill(pid, SIGKILL)
        #expect(try await status == .unknown(.notOurChild))
    }

    @Test func `a child of somebody else in this process is told, and left to them`() async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/cat")
        let input = Pipe()
        process.standardInput = input
        try process.run()
        async let status = ProcessWatcher.exit(of: process.processIdentifier)
        try await turnLoop()
        try input.fileHandleForWriting.close()
        let told = try await status
        #expect(told == .exited(0) || told == .unknown(.notOurChild))
        let ended = Unchecked(process)
        try await blocking { ended.value.waitUntilExit() }
        #expect(process.terminationStatus == 0)
    }

    @Test func `a process that is not there is refused`() async throws {
        let pid = try await Command("true").spawn().pid
        try await until { kill(pid, 0) == -1 && errno == ESRCH }
        await expect(.noSuchProcess) { try await ProcessWatcher.exit(of: pid) }
        await expect(.invalidArgument) { try await ProcessWatcher.exit(of: 0) }
        await expect(.invalidArgument) { try await ProcessWatcher.exit(of: -1) }
    }

    @Test func `cancelling ends the watch alone`() async throws {
        let child = try await Command("sleep", "60").spawn()
        let watch = Task { try await ProcessWatcher.exit(of: child.pid) }
        try await turnLoop()
        watch.cancel()
        await #expect(throws: CancellationError.self) { try await watch.value }
        #expect(child.exitStatus == nil)
        await child.terminate()
    }

    @Test(.tags(.slow)) func `exits among many cost no wake-up of the others`() async throws {
        let children = try await withThrowingTaskGroup(of: ChildProcess.self) { group in
            for _ in 0..<200 { group.addTask { try await Command("sleep", "60").spawn() } }
            var all: [ChildProcess] = []
            for try await child in group { all.append(child) }
            return all
        }
        for child in children.shuffled() {
            try child.send(.kill)
            #expect(try await child.waitUntilExit() == .signaled(.kill, coreDumped: false))
        }
    }
}
