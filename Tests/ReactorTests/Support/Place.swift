// Every kind of callback or task that a program's code may run in, for what must hold in all.

import Foundation
import Testing

@testable import Reactor

/// A kind of place where code runs.
enum Place: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case connection = "a connection's handler"
    case accepting = "a loop over connections"
    case timer = "a timer"
    case tick = "a tick"
    case signal = "a signal's handler"
    case child = "a child's handler"
    case exit = "the end of a child"
    case datagram = "a datagram's handler"
    case otherLoop = "another loop"
    case blockingPool = "the blocking pool"
    case hook = "a shutdown hook"
    case childTask = "a child task"
    case plainTask = "a plain task"
    case detachedTask = "a detached task"

    var testDescription: String { rawValue }

    /// Those whose context is that of whoever set them up: all but one.
    static let inheriting = allCases.filter { $0 != .detachedTask }

    /// The loop whose thread runs code there, if the caller is on one that is named `own`.
    func loop(own: String) -> String? {
        switch self {
        case .otherLoop, .hook: "other-0"
        case .blockingPool, .plainTask, .detachedTask: nil
        default: own
        }
    }

    /// The loop on which things are opened there, or how its name begins.
    func home(own: String) -> String {
        self == .detachedTask ? "shared-" : loop(own: own) ?? own
    }

    /// Runs `body` in such a place, set up by the caller, and returns its result.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        switch self {
        case .connection: return try await Self.inConnection(body)
        case .accepting: return try await Self.whileAccepting(body)
        case .timer:
            return try await EventLoop.forNewObjects().spawn(after: .microseconds(1), body).value
        case .tick:
            for try await _ in Ticks(every: .microseconds(1)) { return try await body() }
            fatalError("ticks do not end")
        case .signal: return try await Self.onSignal(body)
        case .child: return try await Self.withChild { _ in try await body() }
        case .exit:
            return try await Self.withChild { child in
                try await child.waitUntilExit()
                return try await body()
            }
        case .datagram: return try await Self.onDatagram(body)
        case .otherLoop: return try await Self.onOtherLoop(body)
        case .blockingPool:
            // What a blocking body starts, on the pool's own threads.
            let task = try await blocking {
                Task(executorPreference: BlockingPool.shared) { try await body() }
            }
            return try await task.value
        case .hook: return try await Self.inHook(body)
        case .childTask:
            async let result = body()
            return try await result
        case .plainTask: return try await Task { try await body() }.value
        case .detachedTask: return try await Task.detached { try await body() }.value
        }
    }

    /// The same for synchronous code, which the blocking pool runs as its body.
    func call<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        if self == .blockingPool { return try await blocking { try body() } }
        return try await run { try body() }
    }

    // MARK: Setting up

    private static func inConnection<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let promise = Promise<Result>()
        let server = Task {
            try await listener.serve { _ in await promise.complete(by: body) }
        }
        defer { server.cancel() }
        return try await TCPStream.withConnection(to: listener.localAddress) { _ in
            try await promise.future.value
        }
    }

    private static func whileAccepting<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        defer { listener.close() }
        let client = try await TCPStream.connect(to: listener.localAddress)
        defer { client.abort() }
        for try await stream in listener.connections {
            defer { stream.abort() }
            return try await body()
        }
        fatalError("nobody closes it")
    }

    private static func onSignal<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        // Ignored by default, so that one too many does no harm.
        let signals = try Signals(.urgent)
        kill(getpid(), SIGURG)
        for try await _ in signals { return try await body() }
        fatalError("signals do not end")
    }

    private static func withChild<Result: Sendable>(
        _ body: @escaping @Sendable (ChildProcess) async throws -> Result
    ) async throws -> Result {
        try await Command("true").run(returning: body).result
    }

    private static func onDatagram<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (server, client) = try await udpPair()
        defer {
            server.close()
            client.close()
        }
        try await client.send([1])
        for try await _ in server.datagrams { return try await body() }
        fatalError("nobody closes it")
    }

    private static func onOtherLoop<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withOtherLoop { try await $0.submit(body) }
    }

    private static func inHook<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let promise = Promise<Result>()
        try await withOtherLoop { loop in
            loop.onShutdown { await promise.complete(by: body) }
        }
        return try await promise.future.value
    }
}

/// Runs `body` with a new loop, and ends that.
func withOtherLoop<Result>(
    _ body: (EventLoop) async throws -> Result
) async throws -> Result {
    let group = try EventLoopGroup(count: 1, name: "other")
    let result: Result
    do { result = try await body(group.loops[0]) } catch {
        await group.shutdown()
        throw error
    }
    await group.shutdown()
    return result
}

extension Promise {
    /// Completes it with whatever becomes of `body`.
    func complete(by body: () async throws -> Value) async {
        do { succeed(try await body()) } catch { fail(error) }
    }
}
