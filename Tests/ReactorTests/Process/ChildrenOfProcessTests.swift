// What belongs to the whole process: dispositions, masks, zombies, descriptors. Each test is a
// process of its own.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct ChildrenOfProcessTests {
    @Test func `exits are told though SIGCHLD is blocked everywhere`() async {
        await #expect(processExitsWith: .success) {
            guard !Spawner.usesUV else { return }
            try await onThread {
                mask(SIGCHLD)
                try EventLoop.run {
                    let status = try await shell("exit 3").run()
                    #expect(status == .exited(3))
                }
            }
        }
    }

    @Test func `where SIGCHLD is ignored the status is lost, and the wait ends`() async {
        await #expect(processExitsWith: .success) {
            guard !Spawner.usesUV else { return }
            try await withoutLeavingChildren {
                signal(SIGCHLD, SIG_IGN)
                #expect(try await shell("exit 3").run() == .unknown(.reapedElsewhere))
                let result = try await shell("echo out").output()
                #expect(result.text == "out\n")
                #expect(result.status == .unknown(.reapedElsewhere))
                // Later, with a child that lives.
                signal(SIGCHLD, SIG_DFL)
                let child = try await Command("sleep", "60").spawn()
                signal(SIGCHLD, SIG_IGN)
                #expect(await child.terminate() == .unknown(.reapedElsewhere))
                await expect(.noSuchFile) { try await Command("/no/such").run() }
            }
        }
    }

    @Test func `somebody else's waitpid takes the status, and no wait hangs`() async {
        await #expect(processExitsWith: .success) {
            guard !Spawner.usesUV else { return }
            try await withoutLeavingChildren {
                let child = try await Command("cat").with { $0.standardInput = .pipe }.spawn()
                let reaper = Task.detached {
                    try await blocking { waitpid(child.pid, nil, 0) }
                }
                try await EventLoop.sleep(for: .milliseconds(5))
                // The loop is kept from looking until the other has.
                child.standardInput.abort()
                EventLoop.current?.post { usleep(50_000) }
                let status = try await child.waitUntilExit()
                #expect(status == .unknown(.reapedElsewhere) || status == .exited(0))
                _ = try await reaper.value
                await expect(.noSuchProcess) { try child.send(.kill) }
            }
        }
    }

    @Test func `a child begins with no signal blocked or ignored`() async {
        await #expect(processExitsWith: .success) {
            guard !Spawner.usesUV else { return }
            try await onThread {
                signal(SIGPIPE, SIG_IGN)
                signal(SIGUSR1, SIG_IGN)
                var all = sigset_t()
                // SAFETY: both calls fill or read the one variable.
                unsafe sigfillset(&all)
                unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
                try EventLoop.run {
                    let words = try await Command("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status")
                        .output().text.split { $0 == "\n" || $0 == "\t" }
                    #expect(words.count == 4)
                    #expect(Int(words[1], radix: 16) == 0)
                    #expect(Int(words[3], radix: 16) == 0)
                }
            }
        }
    }

    @Test func `a parent without its first three descriptors passes on what it says`() async {
        await #expect(processExitsWith: .success) {
            let result = Locked("")
            try await withoutLeavingChildren {
                // Not before: libuv aborts where a loop's own descriptors get these numbers.
                for number in 0...2 as ClosedRange<Int32> { close(number) }
                let output = try await shell("cat; echo out; echo err >&2")
                    .with { $0.standardInput = .text("in ") }.output()
                result.withLock { $0 = "\(output.text)\(output.errorText)" }
                let inherited = try await shell("cat; echo lost; echo lost >&2").run()
                result.withLock { $0 += "\(inherited)" }
            }
            #expect(result.withLock { $0 } == "in out\nerr\nexited with 0")
        }
    }

    @Test(.tags(.slow)) func `failures by the thousand leave nothing`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                for _ in 0..<1000 {
                    await expect(.noSuchFile) { try await Command("/no/such").output() }
                    await expect(.accessDenied) { try await Command("/tmp").output() }
                    await expect(.noSuchFile) {
                        try await Command("true").with { $0.directory = "/no/such" }.output()
                    }
                }
            }
        }
    }

    @Test(.tags(.slow)) func `children by the thousand leave nothing`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                for _ in 0..<100 { _ = try await Command("true").output() }
                let before = residentKiB()
                for _ in 0..<2000 {
                    let result = try await Command("true").output()
                    #expect(result.status == .exited(0))
                }
                #expect(residentKiB() - before < 2048 || isInstrumented)
            }
        }
    }

    @Test(.tags(.slow)) func `children of four loops are told to their own`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                let group = try EventLoopGroup(count: 4)
                try await withThrowingTaskGroup { tasks in
                    for (index, loop) in group.loops.enumerated() {
                        tasks.addTask {
                            try await loop.submit {
                                for number in 0..<250 {
                                    let code = Int32((number * 4 + index) % 256)
                                    let status = try await shell("exit \(code)").run()
                                    #expect(status == .exited(code))
                                    #expect(loop.isCurrent)
                                }
                            }
                        }
                    }
                    try await tasks.waitForAll()
                }
                await group.shutdown()
            }
        }
    }

    @Test(.tags(.slow)) func `cancelled spawns leave nothing, whenever they are`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                try await cancellingAtAnyTime { pause in
                    let task = Task {
                        try await Command("sleep", "60").run(grace: .zero) { child in
                            try await child.waitUntilExit()
                        }
                    }
                    try await EventLoop.sleep(for: pause)
                    task.cancel()
                    await #expect(throws: CancellationError.self) { try await task.value }
                }
            }
        }
    }

    @Test(.tags(.slow)) func `cancelled waits leave the child, and it ends as it would`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                try await cancellingAtAnyTime { pause in
                    let child = try await shell("exit 3").spawn()
                    let loop = EventLoop.current!
                    let task = Task(executorPreference: loop) { try await child.waitUntilExit() }
                    try await EventLoop.sleep(for: pause)
                    task.cancel()
                    switch await task.result {
                    case .success(let status): #expect(status == .exited(3))
                    case .failure(let error): #expect(error is CancellationError)
                    }
                    #expect(try await child.waitUntilExit() == .exited(3))
                }
            }
        }
    }

    @Test func `a loop's end takes its children with it`() async {
        await #expect(processExitsWith: .success) {
            let pids = Record<Int32>()
            let children = Record<ChildProcess>()
            try await onThread {
                try EventLoop.run {
                    pids.add(try await Command("sleep", "60").spawn().pid)
                    let kept = try await Command("sleep", "60").spawn()
                    pids.add(kept.pid)
                    children.add(kept)
                }
            }
            await expect(.loopClosed) { try await children.all[0].waitUntilExit() }
            #expect(await children.all[0].terminate() == .unknown(.loopClosed))
            for pid in pids.all {
                while !isGone(pid) || kill(pid, 0) == 0 { usleep(1000) }
            }
        }
    }

    @Test func `a parent-death signal survives the thread that started the child`() async {
        await #expect(processExitsWith: .success) {
            guard !Spawner.usesUV else { return }
            try await withoutLeavingChildren {
                let child = try await Command("sleep", "60")
                    .with { $0.parentDeathSignal = .kill }.spawn()
                try await EventLoop.sleep(for: .milliseconds(50))
                #expect(child.exitStatus == nil)
                await child.terminate()
            }
        }
    }
}

/// Calls `body` with pauses of up to 2 ms, several at a time: 500 times, 10,000 with
/// REACTOR_FULL_TESTS=1.
private func cancellingAtAnyTime(
    _ body: @escaping @Sendable (Duration) async throws -> Void
) async throws {
    let isFull = ProcessInfo.processInfo.environment["REACTOR_FULL_TESTS"] == "1"
    let loop = EventLoop.current!
    try await withThrowingTaskGroup { tasks in
        for lane in 0..<8 as Range<UInt64> {
            tasks.addTask(executorPreference: loop) {
                var generator = SeededGenerator(seed: lane)
                for _ in 0..<(isFull ? 1_250 : 63) {
                    try await body(.microseconds(Int.random(in: 0..<2000, using: &generator)))
                }
            }
        }
        try await tasks.waitForAll()
    }
}

private func mask(_ number: Int32) {
    var set = sigset_t()
    // SAFETY: both calls fill or read the one variable.
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, number)
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
}

private func residentKiB() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
}

/// Sanitizers keep what is freed for a while.
private let isInstrumented =
    ProcessInfo.processInfo.environment.keys.contains {
        $0 == "TSAN_OPTIONS" || $0 == "ASAN_OPTIONS"
    }
