// Calls from one loop to another, by each of those who can.

import ArgumentParser
import CBaseline
import NIOCore
import NIOPosix
import Reactor

enum SubmitImplementation: String, CaseIterable, Codable, ExpressibleByArgument {
    /// A message and `uv_async_send` either way, in C.
    case libuv
    /// `loop.submit { }` from tasks on another loop.
    case reactor
    /// `eventLoop.submit { }.get()` from tasks of the global executor: NIO's loops run no tasks.
    case nio
    /// The same between two loops without a task: futures and `hop(to:)`.
    case nioFutures = "nio-futures"

    func run(count: Int, inFlight: Int) throws -> cbaseline_time {
        let cores = Machine.cores.map { ($0.server, $0.client) } ?? (-1, -1)
        // The threads of the global executor, which call NIO, take this core from the one that
        // starts them: not the core of the loop that is called.
        Self.pin(cores.0)
        switch self {
        case .libuv:
            return cbaseline_submit(Int64(count), Int32(inFlight), cores.0, cores.1)
        case .reactor:
            return try Self.blocking { try await Self.reactor(count, inFlight, cores) }
        case .nio: return try Self.blocking { try await Self.nio(count, inFlight, cores) }
        case .nioFutures: return try Self.futures(count, inFlight, cores)
        }
    }

    private static func blocking(
        _ body: @escaping @Sendable () async throws -> cbaseline_time
    ) throws -> cbaseline_time {
        try Reactor.EventLoop.run { try await Task.detached { try await body() }.value }
    }

    private static func reactor(
        _ count: Int, _ inFlight: Int, _ cores: (Int32, Int32)
    ) async throws -> cbaseline_time {
        let group = try Reactor.EventLoopGroup(count: 2)
        let (first, second) = (group.loops[0], group.loops[1])
        try await first.submit { pin(cores.0) }
        try await second.submit { pin(cores.1) }
        let time = try await first.submit {
            try await calls(count, inFlight) { body in
                Task(executorPreference: first) { try await body() }
            } call: {
                try await second.submit {}
            }
        }
        await group.shutdown()
        return time
    }

    private static func nio(
        _ count: Int, _ inFlight: Int, _ cores: (Int32, Int32)
    ) async throws -> cbaseline_time {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let start = { (body: @escaping @Sendable () async throws -> Void) in
            Task.detached { try await body() }
        }
        let call = { @Sendable () async throws -> Void in try await loop.submit {}.get() }
        // Threads inherit their core from the one that happens to start them: those of the global
        // executor must all be there before the loop moves to the other core.
        _ = try await calls(2000, 100, start: start, call: call)
        try await loop.submit { pin(cores.1) }.get()
        return try await calls(count, inFlight, start: start, call: call)
    }

    private static func calls(
        _ count: Int, _ inFlight: Int,
        start: (@escaping @Sendable () async throws -> Void) -> Task<Void, any Error>,
        call: @escaping @Sendable () async throws -> Void
    ) async throws -> cbaseline_time {
        for _ in 0..<100 { try await call() }
        let watch = Stopwatch()
        let tasks = (0..<inFlight).map { _ in
            start { for _ in 0..<count / inFlight { try await call() } }
        }
        for task in tasks { try await task.value }
        return watch.time()
    }

    private static func futures(
        _ count: Int, _ inFlight: Int, _ cores: (Int32, Int32)
    ) throws -> cbaseline_time {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (first, second) = (group.next(), group.next())
        try first.submit { pin(cores.0) }.wait()
        try second.submit { pin(cores.1) }.wait()
        let watch = Stopwatch()
        let done = (0..<inFlight).map { _ in
            first.flatSubmit { chain(first, second, count / inFlight) }
        }
        try EventLoopFuture.andAllSucceed(done, on: first).wait()
        return watch.time()
    }

    private static func chain(
        _ first: any NIOCore.EventLoop, _ second: any NIOCore.EventLoop, _ count: Int
    ) -> EventLoopFuture<Void> {
        let promise = first.makePromise(of: Void.self)
        @Sendable func next(_ left: Int) {
            if left == 0 { return promise.succeed() }
            second.submit {}.hop(to: first).whenSuccess { next(left - 1) }
        }
        next(count)
        return promise.futureResult
    }

    private static func pin(_ core: Int32) {
        if core >= 0 { _ = cbaseline_pin(core) }
    }
}
