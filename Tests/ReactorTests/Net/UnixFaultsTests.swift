// Unix sockets where the process, or the system, has run out. Each test is a process of its own.

import CFaults
import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct UnixFaultsTests {
    @Test func `without a descriptor left every call fails cleanly, and works again`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                try await withDirectory { directory in
                    let path = directory.appending("s")
                    let listener = try await UnixListener.bind(to: anyName())
                    let address = listener.localAddress
                    let calls: [() async throws -> Void] = [
                        { await (try UnixStream.connect(to: address)).close() },
                        { try await UnixListener.bind(path: path).close() },
                        { try await UnixListener.bind(to: anyName()).close() },
                        {
                            let (first, second) = try await UnixStream.pair()
                            await first.close()
                            await second.close()
                        },
                    ]
                    let hoard = try Hoard()
                    for call in calls { await hoard.expectRefusal { try await call() } }
                    hoard.release()
                    try expectEmpty(directory)
                    for call in calls { try await call() }
                    // One is enough for the lock or the socket, not for both.
                    await hoard.expectRefusal(leaving: 1) { try await calls[1]() }
                    await hoard.expectRefusal(leaving: 1) { try await calls[3]() }
                    hoard.release()
                    try expectEmpty(directory)
                    listener.close()
                }
            }
        }
    }

    @Test func `descriptors that find no room are told of, the bytes arrive`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let (sender, receiver) = try await UnixStream.pair(
                    options: UnixOptions(receivesDescriptors: true))
                let passed = FileDescriptor(rawValue: 0)
                let hoard = try Hoard()
                var count = 0
                // Another thread may take the free one, or add to it: until it was just one.
                repeat {
                    hoard.fill(leaving: 1)
                    try await sender.send([passed, passed, passed], with: [1, 2])
                    let message = try #require(try await receiver.receive(upTo: 9))
                    count = message.descriptors.count
                    #expect(message.bytes == [1, 2] && message.isIncomplete == (count < 3))
                    for descriptor in message.descriptors { try descriptor.close() }
                } while count != 1
                hoard.release()
                await sender.close()
                await receiver.close()
            }
        }
    }

    /// libuv's own listener spins for ever here, with no timer running (PITFALLS D1).
    @Test func `an accept error that lasts is met with pauses`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let listener = try await UnixListener.bind(to: anyName())
                let serving = listener.loop.spawn { try await listener.serve(echoUnix) }
                faults_fail(FAULTS_ACCEPT, EMFILE, .max)
                let client = try Descriptor.client(of: listener.localAddress)
                client.send([7])
                while try await listener.statistics().backOffs < 3 {
                    try await EventLoop.sleep(for: .milliseconds(1))
                }
                faults_fail(FAULTS_ACCEPT, 0, 0)
                try await until { client.receive() == [7] }
                client.close()
                serving.cancel()
                _ = await serving.result
            }
        }
    }

    @Test func `a listener that cannot be watched leaves no file`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                try await withDirectory { directory in
                    faults_fail(FAULTS_EPOLL_ADD, ENOSPC, 1)
                    await expect(.init(rawValue: -ENOSPC)) {
                        try await UnixListener.bind(path: directory.appending("s"))
                    }
                    try expectEmpty(directory)
                    var options = UnixOptions()
                    options.sendBufferBytes = 0
                    let tooSmall = options
                    await expect(.invalidArgument) {
                        try await UnixListener.bind(path: directory.appending("s"), backlog: 0)
                    }
                    await expect(.invalidArgument) {
                        try await UnixListener.bind(
                            path: directory.appending("s"),
                            options: tooSmall)
                    }
                    try expectEmpty(directory)
                }
            }
        }
    }

    @Test func `the process's mask and directory may be what they like`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                try await withDirectory { directory in
                    umask(0o077)
                    #expect(FileManager.default.changeCurrentDirectoryPath(directory.string))
                    let open = try await UnixListener.bind(
                        path: "open", mode: [.ownerReadWrite, .groupReadWrite, .otherReadWrite])
                    let masked = try await UnixListener.bind(path: "masked")
                    let modes = (
                        try status(of: "open").st_mode, try status(of: "masked").st_mode
                    )
                    #expect(modes.0 & 0o7777 == 0o666)
                    #expect(modes.1 & 0o7777 == 0o700)
                    #expect(FileManager.default.changeCurrentDirectoryPath("/"))
                    open.close()
                    masked.close()
                    try expectEmpty(directory)
                }
            }
        }
    }

    @Test func `connecting and giving up at any moment leaves nothing`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let listener = try await UnixListener.bind(to: anyName(), backlog: 1)
                let address = listener.localAddress
                let crowd = try (0..<2).map { _ in try Descriptor.client(of: address) }
                var generator = SeededGenerator(seed: 11)
                for _ in 0..<300 {
                    let task = Task { await (try UnixStream.connect(to: address)).close() }
                    if Bool.random(using: &generator) {
                        try await EventLoop.sleep(
                            for: .microseconds(Int.random(in: 0...2_000, using: &generator)))
                    }
                    task.cancel()
                    await #expect(throws: CancellationError.self) { try await task.value }
                }
                for one in crowd { one.close() }
                listener.close()
            }
        }
    }
}

private func expectEmpty(_ directory: FilePath) throws {
    let left = try names(in: directory)
    #expect(left == [])
}
