// The process's own standard streams, whatever they are: in processes of their own.

import Foundation
import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct StandardStreamsTests {
    @Test func `standard input is read from a pipe, whose flags stay`() async {
        await #expect(processExitsWith: .success) {
            let (readEnd, writeEnd) = try blockingPipe()
            replace(0, by: readEnd)
            #expect(writeEnd.write(Array("one\ntwo\n".utf8)) == 8)
            writeEnd.close()
            try await onThread {
                try EventLoop.run {
                    var lines: [String] = []
                    for try await line in try await PipeReader.standardInput().lines() {
                        #expect(!isNonBlocking(0), "the file was opened anew")
                        lines.append(line)
                    }
                    #expect(lines == ["one", "two"])
                }
            }
            #expect(!isNonBlocking(0))
        }
    }

    @Test func `standard input is read from a file, from where it stands`() async {
        await #expect(processExitsWith: .success) {
            let path = temporaryFile()
            try String(repeating: "a line of a file\n", count: 20_000)
                .write(toFile: path, atomically: true, encoding: .utf8)
            replace(0, by: openFile(path, O_RDONLY))
            lseek(0, 17, SEEK_SET)
            remove(path)
            try await onThread {
                try EventLoop.run {
                    let input = try await PipeReader.standardInput()
                    var count = 0
                    for try await line in input.lines() {
                        #expect(line == "a line of a file")
                        count += 1
                    }
                    #expect(count == 19_999)
                    #expect(try await input.read(upTo: 10) == nil)
                    await expect(.invalidArgument) { try await input.read(upTo: 0) }
                    await input.close()
                    await expect(.closed) { try await input.read(upTo: 10) }
                }
            }
        }
    }

    @Test func `an empty device is an empty input, and a full sink`() async {
        await #expect(processExitsWith: .success) {
            replace(0, by: openFile("/dev/null", O_RDONLY))
            replace(1, by: openFile("/dev/null", O_WRONLY))
            try await onThread {
                try EventLoop.run {
                    #expect(try await PipeReader.standardInput().read(upTo: 10) == nil)
                    try await PipeWriter.standardOutput().write("into nothing")
                }
            }
        }
    }

    @Test func `what a write to standard output has returned from is there at exit`() async {
        await #expect(processExitsWith: .success) {
            for kind in ["pipe", "file", "socket"] {
                let (sink, source) = try output(kind)
                replace(1, by: sink)
                let bytes = Pattern.bytes(500_000)
                // A file's end is wherever it has got to; the others are emptied meanwhile.
                async let read = onThread { kind == "file" ? [] : source() }
                try await onThread {
                    try EventLoop.run {
                        let output = try await PipeWriter.standardOutput()
                        try await output.write(bytes)
                        try await output.write(contentsOf: [[1], [2]])
                        try await output.write("!".utf8)
                        // Not closed, not finished.
                    }
                }
                #expect(!isNonBlocking(1), "\(kind)")
                // What other code prints still goes out.
                #expect(Descriptor(number: 1).write([3]) == 1)
                // Not closed: the next descriptor would take its number.
                replace(1, by: openFile("/dev/null", O_WRONLY))
                let all = try await kind == "file" ? source() : read
                #expect(all == bytes + [1, 2] + Array("!".utf8) + [3], "\(kind)")
            }
        }
    }

    @Test func `flags that had to be set are put back, the last user's turn`() async {
        await #expect(processExitsWith: .success) {
            // A socket cannot be opened anew. One file for all three, as a terminal is.
            let ends = try Descriptor.socketPair()
            for number in [Int32(0), 1, 2] { dup2(ends[0].number, number) }
            try await onThread {
                try EventLoop.run {
                    let input = try await PipeReader.standardInput()
                    let output = try await PipeWriter.standardOutput()
                    let errors = try await PipeWriter.standardError()
                    #expect(isNonBlocking(0))
                    await input.close()
                    await errors.close()
                    #expect(isNonBlocking(1), "somebody still relies on it")
                    try await output.write("out")
                    #expect(ends[1].receive() == Array("out".utf8))
                    await output.close()
                    #expect(!isNonBlocking(0))
                }
            }
        }
    }

    @Test func `flags are put back at exit`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let ends = try Descriptor.socketPair()
            dup2(ends[0].number, 0)
            // Runs after the library's own, which is added later.
            atexit { _exit(isNonBlocking(0) ? 3 : 7) }
            let group = try EventLoopGroup(count: 1)
            let input = try await group.loops[0].submit { try await PipeReader.standardInput() }
            withExtendedLifetime((group, input)) { exit(isNonBlocking(0) ? 0 : 4) }
        }
    }

    @Test func `a standard stream has one user at a time`() async {
        await #expect(processExitsWith: .success) {
            let (readEnd, _) = try blockingPipe()
            replace(0, by: readEnd)
            try await onThread {
                try EventLoop.run {
                    let input = try await PipeReader.standardInput()
                    await expect(.busy) { try await PipeReader.standardInput() }
                    await input.close()
                    let again = try await PipeReader.standardInput()
                    await again.close()
                }
            }
        }
    }

    @Test func `a process without standard input is told so`() async {
        await #expect(processExitsWith: .success) {
            // Something holds the number until the loop has its own descriptors.
            replace(0, by: openFile("/", O_RDONLY))
            try await onThread {
                try EventLoop.run {
                    close(0)
                    // Twice: a failure gives the stream back. A thread of the test library's may
                    // take the number meanwhile, and then there is a standard input.
                    for _ in 0..<2 {
                        let outcome = try await Outcome {
                            let input = try await PipeReader.standardInput()
                            await input.close()
                        }
                        if fcntl(0, F_GETFD) < 0 { #expect(outcome == .failed(.badDescriptor)) }
                    }
                }
            }
        }
    }

    @Test func `a full disk is an error of the write`() async {
        await #expect(processExitsWith: .success) {
            replace(1, by: openFile("/dev/full", O_WRONLY))
            try await onThread {
                try EventLoop.run {
                    let output = try await PipeWriter.standardOutput()
                    await expect(.init(rawValue: -ENOSPC)) { try await output.write([1]) }
                    await expect(.init(rawValue: -ENOSPC)) { try await output.write([1]) }
                    await output.close()
                    await expect(.closed) { try await output.write([1]) }
                }
            }
        }
    }

    @Test func `writes of many tasks to a file go out whole and in order`() async {
        await #expect(processExitsWith: .success) {
            let (sink, source) = try output("file")
            replace(1, by: sink)
            try await onThread {
                try EventLoop.run {
                    let output = try await PipeWriter.standardOutput()
                    try await withThrowingTaskGroup { group in
                        for number in 0..<UInt8(8) {
                            group.addTask {
                                for _ in 0..<50 {
                                    try await output.write([UInt8](repeating: number, count: 1000))
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    try await output.finish()
                    await expect(.finished) { try await output.write([1]) }
                }
            }
            let all = source()
            #expect(all.count == 400_000)
            for start in stride(from: 0, to: all.count, by: 1000) {
                #expect(Set(all[start..<start + 1000]).count == 1)
            }
        }
    }
}

private func blockingPipe() throws -> (Descriptor, Descriptor) {
    var ends: [Int32] = [-1, -1]
    // SAFETY: the call writes two numbers.
    try #require(unsafe pipe(&ends) == 0)
    return (Descriptor(number: ends[0]), Descriptor(number: ends[1]))
}

private func openFile(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Descriptor {
    // SAFETY: the call reads a terminated string.
    Descriptor(number: unsafe open(path, flags, mode))
}

private func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

private func replace(_ number: Int32, by descriptor: Descriptor) {
    dup2(descriptor.number, number)
    descriptor.close()
}

private func isNonBlocking(_ number: Int32) -> Bool { fcntl(number, F_GETFL) & O_NONBLOCK != 0 }

private func temporaryFile() -> String {
    FileManager.default.temporaryDirectory.appending(path: "reactor-\(UUID().uuidString)").path
}

/// Something to write to, and a body that reads all of it once it has ended.
private func output(_ kind: String) throws -> (Descriptor, @Sendable () -> [UInt8]) {
    if kind == "file" {
        let path = temporaryFile()
        let descriptor = openFile(path, O_RDWR | O_CREAT, 0o600)
        let again = openFile(path, O_RDONLY)
        remove(path)
        return (descriptor, { readAll(again) })
    }
    let (source, sink) =
        try kind == "pipe"
        ? blockingPipe() : { (ends: [Descriptor]) in (ends[0], ends[1]) }(Descriptor.socketPair())
    return (sink, { readAll(source) })
}

private func readAll(_ descriptor: Descriptor) -> [UInt8] {
    var all: [UInt8] = []
    let memory = BorrowedMemory.allocate(count: 65_536)
    defer { memory.deallocate() }
    while case let count = descriptor.read(into: memory), count > 0 {
        all += memory.copy(prefix: count)
    }
    return all
}
