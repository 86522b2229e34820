// Children in a scope: how they end, and that they do.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct CommandRunTests {
    @Test(arguments: [0, 1, 255] as [Int32])
    func `an exit code is told as it is`(_ code: Int32) async throws {
        #expect(try await shell("exit \(code)").run() == .exited(code))
    }

    @Test(arguments: [Signal.terminate, .kill, .segmentationFault, .interrupt])
    func `a death by signal is told as that`(_ signal: Signal) async throws {
        let command = shell("ulimit -c 0; kill -\(signal.rawValue) $$")
        #expect(try await command.run() == .signaled(signal, coreDumped: false))
    }

    @Test func `a child is talked to through its pipes`() async throws {
        let status = try await Command("cat").run { child in
            try await child.standardInput.write("one\ntwo\n".utf8)
            try await child.standardInput.finish()
            var lines: [String] = []
            for try await line in child.standardOutput.lines() { lines.append(line) }
            #expect(lines == ["one", "two"])
        }
        #expect(status == .exited(0))
    }

    @Test func `leaving the scope closes the pipes, and a child that ends of it is not killed`()
        async throws
    {
        #expect(try await Command("cat").run { _ in } == .exited(0))
    }

    @Test func `what the body returns comes with the status`() async throws {
        let (status, pid) = try await Command("true").run(returning: { child in
            try await child.waitUntilExit()
            return child.pid
        })
        #expect(status == .exited(0) && pid > 1)
    }

    @Test func `a child that outstays the grace is told to end`() async throws {
        let status = try await Command("sleep", "60").run(grace: .milliseconds(10)) { _ in }
        #expect(status == .signaled(.terminate, coreDumped: false))
    }

    @Test func `a body that throws ends the child at once`() async throws {
        struct Failure: Error {}
        let pid = Record<Int32>()
        await #expect(throws: Failure.self) {
            try await Command("sleep", "60").run { child in
                pid.add(child.pid)
                throw Failure()
            }
        }
        #expect(isGone(pid.all[0]))
    }

    @Test func `cancelling ends the child`() async throws {
        let pid = Record<Int32>()
        let task = Task {
            try await Command("sleep", "60").run { child in
                pid.add(child.pid)
                try await child.waitUntilExit()
            }
        }
        try await until { !pid.all.isEmpty }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(isGone(pid.all[0]))
    }

    @Test func `a child that ignores SIGTERM is killed after the grace, and not before`()
        async throws
    {
        let start = ContinuousClock.now
        let status = try await deaf().run { child in
            let line = try await BufferedReader(child.standardOutput).readLine()
            #expect(line == "ready")
            let ended = await child.terminate(grace: .milliseconds(50))
            #expect(ended == .signaled(.kill, coreDumped: false))
        }
        #expect(status == .signaled(.kill, coreDumped: false))
        #expect(ContinuousClock.now - start >= .milliseconds(50))
    }

    @Test func `a child that heeds SIGTERM ends before the grace does`() async throws {
        let start = ContinuousClock.now
        try await Command("sleep", "60").run { child in
            let status = await child.terminate(grace: .seconds(50))
            #expect(status == .signaled(.terminate, coreDumped: false))
        }
        #expect(ContinuousClock.now - start < .seconds(40))
    }

    @Test func `terminating works in a cancelled task`() async throws {
        let child = try await Command("sleep", "60").spawn()
        let task = Task {
            CurrentTask.cancel()
            return await child.terminate()
        }
        #expect(await task.value == .signaled(.terminate, coreDumped: false))
    }

    @Test func `a cancelled task starts nothing`() async throws {
        #expect(try await cancelled { _ = try await Command("true").spawn() } == .cancelled)
        #expect(try await cancelled { try await Command("true").run() } == .cancelled)
        #expect(try await cancelled { _ = try await Command("true").output() } == .cancelled)
        #expect(
            try await cancelled { _ = try await ProcessWatcher.exit(of: 1) } == .cancelled)
    }

    // MARK: Unscoped

    @Test func `any number of tasks wait for one child, and later ones too`() async throws {
        let child = try await Command("cat").with { $0.standardInput = .pipe }.spawn()
        let waiters = (0..<10).map { _ in Task { try await child.waitUntilExit() } }
        let elsewhere = Task.detached { try await child.waitUntilExit() }
        #expect(child.exitStatus == nil)
        await child.standardInput.close()
        for waiter in waiters + [elsewhere] { #expect(try await waiter.value == .exited(0)) }
        #expect(try await child.waitUntilExit() == .exited(0))
        #expect(child.exitStatus == .exited(0))
    }

    @Test func `cancelling a wait leaves the child alone`() async throws {
        let child = try await Command("sleep", "60").spawn()
        let waiter = Task { try await child.waitUntilExit() }
        try await turnLoop(2)
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(child.exitStatus == nil)
        try child.send(.kill)
        #expect(try await child.waitUntilExit() == .signaled(.kill, coreDumped: false))
    }

    @Test func `a signal after the end is refused`() async throws {
        let child = try await Command("true").spawn()
        try await child.waitUntilExit()
        await expect(.noSuchProcess) { try child.send(.terminate) }
        #expect(await child.terminate() == .exited(0))
    }

    @Test func `a child tells what it used`() async throws {
        let child = try await shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done").spawn()
        try await child.waitUntilExit()
        guard !Spawner.usesUV else {
            #expect(child.resourceUsage == nil)
            return
        }
        let usage = try #require(child.resourceUsage)
        #expect(usage.processorTime > .zero)
        #expect(usage.peakMemoryBytes > 100_000)
    }

    @Test func `a child that is dropped is reaped`() async throws {
        let pid = try await Command("true").spawn().pid
        try await until { kill(pid, 0) == -1 && errno == ESRCH }
    }

    // MARK: Groups

    @Test func `a child that leads a group is ended with all of it`() async throws {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let command = shell("sleep 60 & echo $!; wait").with { $0.processGroup = .new }
        let grandchild = Record<Int32>()
        try await command.run(grace: .milliseconds(10)) { child in
            let line = try await BufferedReader(child.standardOutput).readLine()
            grandchild.add(try #require(Int32(line ?? "")))
        }
        try await until { isGone(grandchild.all[0]) }
    }

    @Test func `what a child has left in its group goes with the scope, also after its end`()
        async throws
    {
        guard !Spawner.usesUV else { return Skip.note("not with uv_spawn") }
        let command = shell("sleep 60 >/dev/null & echo $!").with { $0.processGroup = .new }
        let grandchild = Record<Int32>()
        let status = try await command.run { child in
            let line = try await BufferedReader(child.standardOutput).readLine()
            grandchild.add(try #require(Int32(line ?? "")))
            #expect(try await child.waitUntilExit() == .exited(0))
            #expect(!isGone(grandchild.all[0]))
        }
        #expect(status == .exited(0))
        try await until { isGone(grandchild.all[0]) }
    }

    @Test func `without a group of its own the child alone is ended`() async throws {
        let grandchild = Record<Int32>()
        try await shell("sleep 60 >/dev/null 2>&1 & echo $!; wait").run(grace: .milliseconds(10)) {
            let line = try await BufferedReader($0.standardOutput).readLine()
            grandchild.add(try #require(Int32(line ?? "")))
        }
        #expect(!isGone(grandchild.all[0]))
        kill(grandchild.all[0], SIGKILL)
    }
}

/// A shell that ignores SIGTERM, and says when it does.
private func deaf() -> Command {
    shell("trap '' TERM; echo ready; while :; do sleep 0.01; done")
}

/// No such process, or a zombie that whoever adopted it will reap.
func isGone(_ pid: Int32) -> Bool {
    guard let line = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
        let bracket = line.lastIndex(of: ")")
    else { return true }
    return line[bracket...].dropFirst(2).first == "Z"
}

/// A command for the shell.
func shell(_ script: String) -> Command { Command("/bin/sh", "-c", script) }
