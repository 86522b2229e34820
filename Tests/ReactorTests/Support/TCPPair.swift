// Connections over loopback for tests, and plain sockets that the library knows nothing about.

import Foundation
import Testing

@testable import Reactor

/// Both ends of a TCP connection, on the current loop.
func tcpPair(
    client: TCPOptions = TCPOptions(), server: TCPOptions = TCPOptions()
) async throws -> (client: TCPStream, server: TCPStream) {
    let listener = try await TCPListener.bind(to: .loopback(port: 0), options: server)
    defer { listener.close() }
    let near = try await TCPStream.connect(to: listener.localAddress, options: client)
    return (near, try await listener.accept())
}

/// Sends back what comes, until the peer has finished.
@Sendable func echo(_ stream: TCPStream) async throws {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = try await stream.read(into: &buffer), count > 0 {
        try await stream.write(buffer.span.extracting(first: count))
    }
}

/// Lets the loop poll a few times: what is ready is seen, and what must not happen would have.
func turnLoop(_ turns: UInt64 = 20) async throws {
    let loop = try #require(EventLoop.current)
    let end = loop.core.turns + turns
    try await until { loop.core.turns >= end }
}

extension TCPStream {
    /// The loop's side; on its loop only.
    var core: StreamCore { handle.here }
    var descriptor: Descriptor { handle.here.descriptor }

    /// Writes until the kernel takes no more and something waits in this process.
    func writeUntilBlocked() async throws {
        let block = Pattern.bytes(16_384)
        while core.outbound.pending == 0 { try await write(block) }
    }
}

extension Descriptor {
    /// A client of `address` made by system calls alone. On loopback it is connected, or refused,
    /// when this returns.
    static func client(of address: SocketAddress) throws -> Descriptor {
        let descriptor = try streamSocket(address.family)
        do {
            if try !descriptor.connect(to: address) {
                descriptor.wait(for: POLLOUT)
                if let code = try descriptor.takeError() { throw ReactorError(code, "connect") }
            }
            return descriptor
        } catch {
            descriptor.close()
            throw error
        }
    }

    /// Blocks the thread until one of `events` has come. Not for what this thread's loop must do.
    func wait(for events: Int32) {
        var entry = pollfd(fd: number, events: Int16(events), revents: 0)
        // SAFETY: one live entry.
        while unsafe poll(&entry, 1, 20_000) < 0 {}
    }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Int {
        withExtendedLifetime(bytes) { send(BorrowedMemory(keptAlive: bytes)) }
    }

    @discardableResult
    func write(_ bytes: [UInt8]) -> Int {
        withExtendedLifetime(bytes) { write(BorrowedMemory(keptAlive: bytes)) }
    }

    /// What has arrived: empty at the end, `nil` on an error or if there is nothing yet.
    func receive(upTo count: Int = 65_536) -> [UInt8]? {
        let memory = BorrowedMemory.allocate(count: count)
        defer { memory.deallocate() }
        let received = receive(into: memory)
        return received < 0 ? nil : memory.copy(prefix: received)
    }

    /// Closes with a reset.
    func abort() {
        resetOnClose()
        close()
    }
}

extension ReactorError.Code {
    /// Of `error`; `nil` if it is no `ReactorError`.
    init?(_ error: (any Error)?) {
        guard let error = error as? ReactorError else { return nil }
        self = error.code
    }
}

/// The code that `body` fails with; `nil` if it does not, or with something else.
func failure<Result>(of body: () async throws -> Result) async -> ReactorError.Code? {
    do {
        _ = try await body()
        return nil
    } catch { return ReactorError.Code(error) }
}

/// Until nobody listens: a child that another test is starting holds a copy of a listener that is
/// closed until it runs its program.
func untilRefused(_ connect: () async throws -> some ByteStream) async throws {
    try await until {
        await failure(of: { try await connect().abort() }) == .connectionRefused
    }
}

/// Runs `body` on a loop of its own, and checks that afterwards the loop is gone and no socket is
/// open that was not before. For exit tests.
///
/// Sockets, not all descriptors: those of a loop go with it, and Dispatch opens some of its own
/// when it likes.
func withoutLeakingDescriptors(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let before = try openFiles().filter { $0.hasPrefix("socket:") }
    try await untilGone(try await onLoopOfItsOwn(body))
    let after = try openFiles().filter { $0.hasPrefix("socket:") }
    #expect(after == before)
}

/// The kernel's names for what this process has open: a descriptor's number may be another's soon.
func openFiles() throws -> Set<String> {
    let directory = "/proc/self/fd"
    let manager = FileManager.default
    // The descriptor that lists the directory has gone when it is looked at.
    let names = try manager.contentsOfDirectory(atPath: directory).compactMap {
        try? manager.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")
    }
    return Set(names)
}

private struct WeakLoop {
    weak var loop: EventLoop?
}

private func onLoopOfItsOwn(
    _ body: @escaping @Sendable () async throws -> Void
) async throws -> WeakLoop {
    let group = try EventLoopGroup(count: 1)
    let result: Result<Void, any Error>
    do { result = .success(try await group.loops[0].submit(body)) } catch {
        result = .failure(error)
    }
    await group.shutdown()
    try result.get()
    return WeakLoop(loop: group.loops[0])
}

/// A loop goes, with its own descriptors, when the last task that has run on it has ended.
private func untilGone(_ weakly: WeakLoop) async throws {
    let start = ContinuousClock.now
    while weakly.loop != nil {
        if ContinuousClock.now - start > .seconds(30) {
            Issue.record("something keeps the loop in memory")
            return
        }
        await Task.yield()
    }
}
