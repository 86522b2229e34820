// Listening Unix sockets: their files, who may take whose place, and serving.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct UnixListenerTests {
    // MARK: The file

    @Test(arguments: [0o600, 0o660, 0o666, 0o777, 0o000] as [mode_t])
    func `the mode is exactly the one that was asked for`(_ mode: mode_t) async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            let listener = try await UnixListener.bind(
                path: path, mode: FilePermissions(rawValue: mode))
            #expect(try status(of: path).st_mode & 0o7777 == mode)
            listener.close()
        }
    }

    @Test func `closing removes the file, and streams go on`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            let listener = try await UnixListener.bind(path: path)
            let client = try await UnixStream.connect(path: path)
            let server = try await listener.accept()
            #expect(try names(in: directory) == ["s"])
            listener.close()
            listener.close()
            #expect(try names(in: directory) == [])
            try await client.write([1])
            #expect(try await server.read(upTo: 1) == [1])
            await client.close()
            await server.close()
        }
    }

    @Test func `a file that took its place is left alone`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            let old = try await UnixListener.bind(path: path)
            try FileManager.default.removeItem(atPath: path.string)
            let new = try await UnixListener.bind(path: path)
            old.close()
            try await serving(new) { try await checkEcho(new.localAddress) }
            #expect(try names(in: directory) == [])
            let third = try await UnixListener.bind(path: path)
            try FileManager.default.removeItem(atPath: path.string)
            try Data([1]).write(to: URL(filePath: path.string))
            third.close()
            #expect(try names(in: directory) == ["s"])
        }
    }

    @Test func `a dropped listener, and a loop's end, remove the file`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            _ = try await UnixListener.bind(path: path)
            #expect(try names(in: directory) == [])
            let group = try EventLoopGroup(count: 1)
            let listener = try await group.loops[0].submit {
                try await UnixListener.bind(path: path)
            }
            #expect(try names(in: directory) == ["s"])
            await group.shutdown()
            #expect(try names(in: directory) == [])
            await expect(.loopClosed) { try await listener.accept() }
        }
    }

    // MARK: What is there already

    @Test func `a socket that nobody serves is replaced`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            try makeStaleSocket(at: path)
            let listener = try await UnixListener.bind(path: path)
            try await serving(listener) { try await checkEcho(listener.localAddress) }
            #expect(try names(in: directory) == [])
        }
    }

    @Test func `one that is served is in use, and goes on`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            let listener = try await UnixListener.bind(path: path, backlog: 1)
            await expect(.addressInUse) { try await UnixListener.bind(path: path) }
            // However many wait, and whoever asks.
            let crowd = (0..<2).compactMap { _ in
                try? Descriptor.client(of: listener.localAddress)
            }
            await expect(.addressInUse) { try await UnixListener.bind(path: path) }
            for one in crowd { one.close() }
            try await serving(listener) { try await checkEcho(listener.localAddress) }
        }
    }

    @Test func `a datagram socket in use is left alone`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            let datagrams = Descriptor(number: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
            try datagrams.bind(to: SocketAddress(path: path))
            await expect(.addressInUse) { try await UnixListener.bind(path: path) }
            #expect(try names(in: directory) == ["s"])
            datagrams.close()
        }
    }

    @Test func `nothing but a socket is ever removed`() async throws {
        try await withDirectory { directory in
            let manager = FileManager.default
            let path = { (name: String) in directory.appending(name).string }
            try makeStaleSocket(at: directory.appending("stale"))
            try Data([1]).write(to: URL(filePath: path("file")))
            try manager.createDirectory(
                atPath: path("directory"), withIntermediateDirectories: false)
            try manager.createSymbolicLink(atPath: path("link"), withDestinationPath: "stale")
            try manager.createSymbolicLink(atPath: path("dangling"), withDestinationPath: "nowhere")
            // SAFETY: the call reads a live string.
            let made = unsafe mkfifo(path("fifo"), 0o600)
            #expect(made == 0)
            let before = try names(in: directory)
            for name in ["file", "directory", "link", "dangling", "fifo"] {
                await expect(.addressInUse) { try await UnixListener.bind(path: path(name)) }
            }
            #expect(try names(in: directory) == before)
            #expect(try Data(contentsOf: URL(filePath: path("file"))) == Data([1]))
            await expect(.init(rawValue: -ENOENT)) {
                try await UnixListener.bind(path: path("nowhere/s"))
            }
            await expect(.init(rawValue: -ENOTDIR)) {
                try await UnixListener.bind(path: path("file/s"))
            }
        }
    }

    @Test func `of many who start at once, one listens`() async throws {
        let group = try EventLoopGroup(count: 4)
        try await withDirectory { directory in
            let path = directory.appending("s")
            for _ in 0..<20 {
                try makeStaleSocket(at: path)
                let listeners = try await withThrowingTaskGroup(of: UnixListener?.self) { tasks in
                    for index in 0..<12 {
                        tasks.addTask { () async throws -> UnixListener? in
                            do {
                                return try await group.loops[index % 4].submit {
                                    try await UnixListener.bind(path: path)
                                }
                            } catch let error as ReactorError where error.code == .addressInUse {
                                return nil
                            }
                        }
                    }
                    return try await tasks.reduce(into: [UnixListener]()) { all, one in
                        if let one { all.append(one) }
                    }
                }
                #expect(listeners.count == 1)
                let client = try Descriptor.client(of: SocketAddress(path: path))
                client.close()
                for listener in listeners {
                    try await listener.loop.submit { listener.close() }
                }
                #expect(try names(in: directory) == [])
            }
        }
        await group.shutdown()
    }

    @Test func `a directory that is locked for a moment is waited for`() async throws {
        try await withDirectory { directory in
            let path = directory.appending("s")
            try makeStaleSocket(at: path)
            guard case .held(let lock) = try DirectoryLock.take(directory) else {
                Issue.record("the directory is not to be locked")
                return
            }
            try await UnixBinding.$patience.withValue(.seconds(3_600)) {
                async let listener = UnixListener.bind(path: path)
                let given = Task { try await UnixListener.bind(path: path) }
                try await EventLoop.sleep(for: .milliseconds(5))
                given.cancel()
                await #expect(throws: CancellationError.self) { try await given.value }
                lock.release()
                try await listener.close()
            }
        }
    }

    @Test func `one that stays locked keeps nobody from binding, but from replacing`()
        async throws
    {
        try await withDirectory { directory in
            guard case .held(let lock) = try DirectoryLock.take(directory) else {
                Issue.record("the directory is not to be locked")
                return
            }
            try makeStaleSocket(at: directory.appending("stale"))
            try await UnixBinding.$patience.withValue(.milliseconds(5)) {
                await expect(.addressInUse) {
                    try await UnixListener.bind(path: directory.appending("stale"))
                }
                try await UnixListener.bind(path: directory.appending("s")).close()
            }
            lock.release()
            #expect(try names(in: directory) == ["stale"])
        }
    }

    // MARK: Abstract names

    @Test func `an abstract name has no file, and one listener`() async throws {
        let name = try anyName()
        let listener = try await UnixListener.bind(to: name)
        await expect(.addressInUse) { try await UnixListener.bind(to: name) }
        try await serving(listener) { try await checkEcho(name) }
        try await untilRefused { try await UnixStream.connect(to: name) }
        let again = try await UnixListener.bind(
            to: SocketAddress(abstractName: name.abstractName! + [0, 1]))
        try await serving(again) { try await checkEcho(again.localAddress) }
    }

    // MARK: Serving, which is the same code as TCP's

    @Test func `a handler that throws is counted, and the others go on`() async throws {
        let listener = try await UnixListener.bind(to: anyName())
        let task = listener.loop.spawn {
            try await listener.serve(limit: 2) { stream in
                let bytes = try await stream.readExactly(1)
                if bytes == [0] { throw Mishap() }
                try await stream.write(bytes)
            }
        }
        for byte in [0, 1, 2, 3, 4] as [UInt8] {
            try await UnixStream.withConnection(to: listener.localAddress) { client in
                try await client.write([byte])
                #expect(try await client.readAll() == (byte == 0 ? [] : [byte]))
            }
        }
        let statistics = try await listener.statistics()
        #expect(statistics.accepted == 5 && statistics.failedHandlers == 1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `connections are a sequence that ends with the listener`() async throws {
        let listener = try await UnixListener.bind(to: anyName())
        let clients = try (0..<3).map { _ in try Descriptor.client(of: listener.localAddress) }
        var count = 0
        for try await stream in listener.connections {
            await stream.close()
            count += 1
            if count == 3 { listener.close() }
        }
        #expect(count == 3)
        for client in clients {
            client.wait(for: POLLIN)
            #expect(client.receive() == [])
            client.close()
        }
    }

    @Test func `handlers that overstay the drain are cancelled`() async throws {
        let listener = try await UnixListener.bind(to: anyName())
        let task = listener.loop.spawn { try await listener.serve(drain: .zero, echoUnix) }
        let client = try await UnixStream.connect(to: listener.localAddress)
        try await client.write([1])
        #expect(try await client.read(upTo: 1) == [1])
        task.cancel()
        #expect(try await client.read(upTo: 1) == nil)
        await client.close()
        _ = await task.result
    }

    private func serving(_ listener: UnixListener, _ body: () async throws -> Void) async throws {
        let task = listener.loop.spawn { try await listener.serve(echoUnix) }
        try await body()
        task.cancel()
        _ = await task.result
    }
}
