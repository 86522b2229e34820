// Calls that the kernel refuses: fall-backs that work, failures that leave nothing. Each test is a
// process of its own, because what the kernel refuses it refuses for good.

import CFaults
import Foundation
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct SpawnFaultsTests {
    @Test func `without pidfds of clone they are opened afterwards`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                // CLONE_PIDFD.
                try #require(faults_refuse_flag(FAULTS_KERNEL_CLONE, 0x1000, EINVAL))
                try await showsThatChildrenWork()
            }
        }
    }

    @Test func `without any pidfd threads wait`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                try #require(faults_refuse_flag(FAULTS_KERNEL_CLONE, 0x1000, EINVAL))
                try #require(faults_refuse(FAULTS_KERNEL_PIDFD_OPEN, ENOSYS))
                try await showsThatChildrenWork()
                await expect(.notSupported) { try await ProcessWatcher.exit(of: 1) }
            }
        }
    }

    @Test(arguments: [ENOSYS, EINVAL, EPERM])
    func `without close_range descriptors are marked one by one`(_ error: Int32) async {
        await #expect(processExitsWith: .success) { [error = error as Int32] in
            try await withoutLeavingChildren {
                guard !Spawner.usesUV else { return }
                try #require(faults_refuse(FAULTS_KERNEL_CLOSE_RANGE, error))
                let leak = unsafe open("/dev/null", O_RDONLY)
                let text = try await Command("ls", "/proc/self/fd").output().text
                #expect(text == "0\n1\n2\n3\n")
                close(leak)
                try await showsThatChildrenWork()
            }
        }
    }

    @Test(
        arguments: [
            (FAULTS_KERNEL_PIPE2, EMFILE, "make a pipe"),
            (FAULTS_KERNEL_CLONE, EAGAIN, "start a process"),
            (FAULTS_KERNEL_CLONE, ENOMEM, "start a process"),
            (FAULTS_KERNEL_DUP3, EMFILE, "place its standard"),
            (FAULTS_KERNEL_SETSID, EPERM, "in a session of its own"),
            (FAULTS_KERNEL_CHDIR, EIO, "in the directory /"),
            (FAULTS_KERNEL_EXECVE, ENOMEM, "run "),
            (FAULTS_KERNEL_SETPRIORITY, EACCES, "at niceness 1"),
        ].map { Refusal(call: $0.rawValue, error: $1, words: $2) })
    func `what the kernel refuses is thrown by its step, and nothing is left`(
        _ refusal: Refusal
    ) async {
        await #expect(processExitsWith: .success) { [refusal = refusal as Refusal] in
            try await withoutLeavingChildren {
                guard !Spawner.usesUV else { return }
                // Threads are made by clone as well: those that are needed are there by then.
                let command = Command("/bin/cat").with {
                    $0.newSession = true
                    $0.directory = "/"
                    $0.niceness = 1
                }
                _ = try await command.output()
                let call = faults_kernel_call(rawValue: refusal.call)
                try #require(faults_refuse(call, refusal.error))
                for _ in 0..<20 {
                    let error = await #expect(throws: ReactorError.self) {
                        try await command.output()
                    }
                    #expect(error?.code == .init(rawValue: -refusal.error))
                    #expect(error?.operation.contains(refusal.words) == true, "\(error!)")
                }
            }
        }
    }

    @Test func `a child that cannot be watched is none`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                guard !Spawner.usesUV else { return }
                for nth in 1...5 as ClosedRange<Int> {
                    // What tells that it is through, the pipes and the pidfd, each in its turn;
                    // the first is not there for one that a thread of the pool starts.
                    faults_fail_every(FAULTS_EPOLL_ADD, ENOSPC, nth)
                    await expect(.init(rawValue: -ENOSPC)) {
                        try await Command("cat").run { _ in
                            faults_fail_every(FAULTS_EPOLL_ADD, 0, 0)
                            #expect(nth > 3)
                            throw ReactorError(.init(rawValue: -ENOSPC), "")
                        }
                    }
                    faults_fail_every(FAULTS_EPOLL_ADD, 0, 0)
                }
                try await showsThatChildrenWork()
            }
        }
    }

    @Test func `a process without a descriptor left starts no child, and does again later`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeavingChildren {
                try await showsThatChildrenWork()
                var taken: [Int32] = []
                while true {
                    let number = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
                    if number < 0 { break }
                    taken.append(number)
                }
                for free in 0..<6 {
                    do { _ = try await Command("cat").output() } catch {
                        #expect((error as? ReactorError)?.code == .tooManyOpenFiles, "\(error)")
                    }
                    if free < 5 { close(taken.removeLast()) }
                }
                for number in taken { close(number) }
                try await showsThatChildrenWork()
            }
        }
    }

    struct Refusal: Codable, Sendable {
        var call: UInt32
        var error: Int32
        var words: String
    }
}

private func showsThatChildrenWork() async throws {
    let result = try await shell("cat; echo err >&2; exit 3")
        .with { $0.standardInput = .text("in") }.output()
    #expect(result.status == .exited(3))
    #expect(result.text == "in")
    #expect(result.errorText == "err\n")
    let child = try await Command("sleep", "60").spawn()
    #expect(await child.terminate() == .signaled(.terminate, coreDumped: false))
}

/// Runs `body` on a loop of its own and checks that no child, living or dead, and no pipe, pidfd or
/// terminal is left that was not there before. For exit tests.
func withoutLeavingChildren(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let group = try EventLoopGroup(count: 1)
    let before = try openChannels()
    // A task that has ended may still be letting go of what it held.
    try await group.loops[0].submit(body)
    try await group.loops[0].submit {
        let start = ContinuousClock.now
        while try openChannels() != before || !childProcesses().isEmpty {
            if ContinuousClock.now - start > .seconds(30) { break }
            try await EventLoop.sleep(for: .milliseconds(1))
        }
    }
    #expect(try openChannels() == before)
    #expect(try childProcesses().isEmpty)
    await group.shutdown()
}

/// The kernel's names for the pipes, pidfds and terminals of this process.
private func openChannels() throws -> Set<String> {
    let directory = "/proc/self/fd"
    let manager = FileManager.default
    let numbers = try manager.contentsOfDirectory(atPath: directory).filter {
        !["0", "1", "2"].contains($0)
    }
    let names = numbers.compactMap {
        try? manager.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")
    }
    return Set(names.filter { $0.hasPrefix("pipe:") || $0.contains("pidfd") || $0.contains("pt") })
}
