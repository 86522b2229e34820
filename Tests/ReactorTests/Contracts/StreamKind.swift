// The kinds of streams that keep the contract, and what its tests share.

import Testing
@testable import Reactor

/// How to make a connected pair, and where it is used from.
struct StreamKind: Sendable, CustomTestStringConvertible {
    typealias Pair = (any ByteStream, any ByteStream)
    typealias Body = @Sendable (any ByteStream, any ByteStream) async throws -> Void
    typealias Backlog = (bytes: Int, writers: Int)

    let name: String
    /// What a peer that is aborted looks like to the other side: a reset, or just the end.
    let abortIsReset: Bool
    /// A pair that lives on the test's loop, or on none.
    let make: @Sendable () async throws -> Pair
    /// What a stream keeps in this process because its peer does not read.
    let backlog: @Sendable (any ByteStream) async throws -> Backlog
    /// Runs the body of a test with a new pair, in the place that the name says.
    private let run: @Sendable (_ kind: StreamKind, _ body: @escaping Body) async throws -> Void

    static let all = [
        StreamKind("in memory, on a loop", inMemory, backlogInMemory, onLoop),
        StreamKind("in memory, elsewhere", inMemory, backlogInMemory, elsewhere),
        StreamKind("TCP, on its loop", tcp, backlogInTCP, onLoop),
        StreamKind("TCP, elsewhere", tcp, backlogInTCP, elsewhere),
        StreamKind("TCP, by its owner", tcp, backlogInTCP, served),
        StreamKind("pipes, on their loop", pipes, backlogInPipe, onLoop, abortIsReset: false),
        StreamKind("pipes, elsewhere", pipes, backlogInPipe, elsewhere, abortIsReset: false),
        StreamKind("sockets, on their loop", sockets, backlogInSocket, onLoop, abortIsReset: false),
        StreamKind("sockets, elsewhere", sockets, backlogInSocket, elsewhere, abortIsReset: false),
        StreamKind("Unix, on its loop", unix, backlogInUnix, onLoop, abortIsReset: false),
        StreamKind("Unix, elsewhere", unix, backlogInUnix, elsewhere, abortIsReset: false),
        StreamKind("Unix, by its owner", unix, backlogInUnix, servedOnUnix, abortIsReset: false),
        StreamKind("Unix pair, on its loop", unixPair, backlogInUnix, onLoop, abortIsReset: false),
        StreamKind("Unix pair, elsewhere", unixPair, backlogInUnix, elsewhere, abortIsReset: false),
    ]

    /// More than this process and two kernels' buffers hold: who writes it waits.
    static let muchBytes = 12 << 20

    init(
        _ name: String, _ make: @escaping @Sendable () async throws -> Pair,
        _ backlog: @escaping @Sendable (any ByteStream) async throws -> Backlog,
        _ run: @escaping @Sendable (StreamKind, @escaping Body) async throws -> Void,
        abortIsReset: Bool = true
    ) {
        self.name = name
        self.abortIsReset = abortIsReset
        self.make = make
        self.backlog = backlog
        self.run = run
    }

    var testDescription: String { name }

    /// Who writes from elsewhere may have as much again on its way to the loop.
    var backlogLimit: Int { name.hasSuffix("elsewhere") ? 2 * Outbound.mark : Outbound.mark }

    /// Runs `body` with a new pair, which is gone afterwards. In a suite that is `.freshLoop`.
    func check(_ body: @escaping Body) async throws {
        try await run(self) { first, second in
            defer {
                first.abort()
                second.abort()
            }
            try await body(first, second)
        }
    }

    /// Writes so much that whoever writes after it has to wait until the peer reads.
    func fill(_ stream: any ByteStream) async throws {
        let outcome = try await withThrowingTaskGroup { group in
            group.addTask {
                try await Outcome {
                    try await stream.write([UInt8](repeating: 0, count: Self.muchBytes))
                }
            }
            try await waitForWriters(1, on: stream)
            group.cancelAll()
            return try await group.next()
        }
        #expect(outcome == .cancelled)
    }

    /// Until so many wait in a write, or in `finish`.
    func waitForWriters(_ count: Int, on stream: any ByteStream) async throws {
        try await until { try await backlog(stream).writers == count }
    }
}

// MARK: The places

@Sendable private func onLoop(_ kind: StreamKind, _ body: @escaping StreamKind.Body) async throws {
    #expect(EventLoop.current != nil)
    let (first, second) = try await kind.make()
    try await body(first, second)
}

@Sendable private func elsewhere(
    _ kind: StreamKind, _ body: @escaping StreamKind.Body
) async throws {
    let task = Task {
        #expect(EventLoop.current == nil)
        let (first, second) = try await kind.make()
        try await body(first, second)
    }
    try await withTaskCancellationHandler {
        try await task.value
    } onCancel: {
        task.cancel()
    }
}

/// In a handler of `serve`, whose waits on its stream, the first of the pair, are of another kind.
@Sendable private func served(_ kind: StreamKind, _ body: @escaping StreamKind.Body) async throws {
    let listener = try await TCPListener.bind(to: .loopback(port: 0))
    let client = try await TCPStream.connect(to: listener.localAddress)
    let failure = Locked<(any Error)?>(nil)
    await expect(.closed) {
        try await listener.serve { stream in
            do { try await body(stream, client) } catch { failure.withLock { $0 = error } }
            listener.close()
        }
    }
    if let error = failure.withLock({ $0 }) { throw error }
}

@Sendable private func servedOnUnix(
    _ kind: StreamKind, _ body: @escaping StreamKind.Body
) async throws {
    let listener = try await UnixListener.bind(to: anyName())
    let client = try await UnixStream.connect(to: listener.localAddress)
    let failure = Locked<(any Error)?>(nil)
    await expect(.closed) {
        try await listener.serve { stream in
            do { try await body(stream, client) } catch { failure.withLock { $0 = error } }
            listener.close()
        }
    }
    if let error = failure.withLock({ $0 }) { throw error }
}

// MARK: The pairs

@Sendable private func inMemory() -> StreamKind.Pair { InMemoryStream.pair() }

@Sendable private func backlogInMemory(
    _ stream: any ByteStream
) async throws -> StreamKind.Backlog {
    try #require(stream as? InMemoryStream).backlog
}

@Sendable private func tcp() async throws -> StreamKind.Pair {
    let listener = try await TCPListener.bind(to: .loopback(port: 0))
    defer { listener.close() }
    async let accepted = listener.accept()
    let client = try await TCPStream.connect(to: listener.localAddress)
    return (client, try await accepted)
}

@Sendable private func backlogInTCP(
    _ stream: any ByteStream
) async throws -> StreamKind.Backlog {
    try await backlog(of: try #require(stream as? TCPStream).handle)
}

@Sendable private func pipes() async throws -> StreamKind.Pair { try await PipePair.pair() }

@Sendable private func backlogInPipe(
    _ stream: any ByteStream
) async throws -> StreamKind.Backlog {
    try await backlog(of: try #require(stream as? PipePair).writer.handle)
}

@Sendable private func sockets() async throws -> StreamKind.Pair { try await SocketPairEnd.pair() }

@Sendable private func backlogInSocket(
    _ stream: any ByteStream
) async throws -> StreamKind.Backlog {
    try await backlog(of: try #require(stream as? SocketPairEnd).handle)
}

private func backlog(of handle: StreamHandle) async throws -> StreamKind.Backlog {
    try await handle.loop.make {
        (handle.here.outbound.pending, handle.here.outbound.waiting)
    }
}

@Sendable private func unix() async throws -> StreamKind.Pair {
    let listener = try await UnixListener.bind(to: anyName())
    defer { listener.close() }
    async let accepted = listener.accept()
    // With descriptors between the bytes, or without: the bytes are the same.
    let client = try await UnixStream.connect(
        to: listener.localAddress, options: UnixOptions(receivesDescriptors: true))
    return (client, try await accepted)
}

@Sendable private func unixPair() async throws -> StreamKind.Pair { try await UnixStream.pair() }

@Sendable private func backlogInUnix(
    _ stream: any ByteStream
) async throws -> StreamKind.Backlog {
    let handle = try #require(stream as? UnixStream).handle
    return try await handle.loop.make {
        (handle.here.outbound.pending, handle.here.outbound.waiting)
    }
}

// MARK: Shared by the tests

/// Lets others run until `condition` holds. The test's time limit bounds it.
func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}

extension ByteReader {
    /// Everything to the end.
    func readAll() async throws -> [UInt8] {
        var all: [UInt8] = []
        while let chunk = try await read(upTo: 65_536) { all += chunk }
        return all
    }

    /// Exactly so many bytes.
    func readExactly(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            guard let chunk = try await read(upTo: count - all.count) else { break }
            all += chunk
        }
        return all
    }
}
