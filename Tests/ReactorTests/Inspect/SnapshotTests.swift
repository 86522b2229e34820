// What a snapshot says of each kind of thing that can be under way.

import Foundation
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SnapshotTests {
    /// A task by its name, once it waits for something.
    private func waiting(_ name: String, on loop: EventLoop) async throws -> LoopSnapshot.Task {
        while true {
            let task = try await loop.snapshot().tasks.first { $0.name == name }
            if let task, task.waitsFor != nil { return task }
            await Task.yield()
        }
    }

    @Test func `a spawned task has its name, its place, its age and what it waits for`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let line = #line + 1
        let sleeper = loop.spawn(name: "sleeper") {
            try await EventLoop.sleep(for: .seconds(3_600))
        }
        let task = try await waiting("sleeper", on: loop)
        #expect(task.kind == "spawn")
        #expect(task.madeAt == "ReactorTests/SnapshotTests.swift:\(line)")
        #expect(task.waitsFor?.hasPrefix("the end of a sleep, in ") == true)
        #expect(task.age >= .zero && task.age < .seconds(60))
        let snapshot = try await loop.snapshot()
        #expect(snapshot.timers.map(\.task) == ["sleeper"])
        #expect(snapshot.timers[0].kind == "sleep")
        #expect(snapshot.timers[0].due > .seconds(3_000))
        sleeper.cancel()
        _ = await sleeper.result
        #expect(try await loop.snapshot().tasks.map(\.kind) == ["submit"], "the test itself")
    }

    @Test func `a submitted task is named while it runs, wherever the call came from`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let (began, gate) = (Gate(), Gate())
        let line = #line + 2
        let call = Task.detached {
            try await loop.submit {
                began.open()
                await gate.wait()
            }
        }
        await began.wait()
        let tasks = try await loop.snapshot().tasks
        let place = "ReactorTests/SnapshotTests.swift:\(line)"
        #expect(tasks.count { $0.kind == "submit" && $0.madeAt == place } == 1)
        gate.open()
        try await call.value
        try await loop.submit(name: "by name") {
            let names = try await loop.snapshot().tasks.map(\.name)
            #expect(names.contains("by name"))
        }
        #expect(try await loop.snapshot().tasks.count == 1)
    }

    @Test func `a connection says who it is with, where it is served and what it waits for`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let line = #line + 2
        let server = loop.spawn(name: "server") {
            try await listener.serve { stream in
                for try await chunk in stream.chunks { try await stream.write(chunk) }
            }
        }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await client.write([1])
        #expect(try await client.read(upTo: 1) == [1])
        let name = "\(client.localAddress)"
        let task = try await waiting(name, on: loop)
        #expect(task.kind == "connection")
        #expect(task.madeAt == "ReactorTests/SnapshotTests.swift:\(line)")
        #expect(task.waitsFor == "bytes from \(name)")
        let quiet = try #require(task.waiting)
        #expect(quiet >= .zero && quiet <= .seconds(60))
        let snapshot = try await loop.snapshot()
        let read = try #require(snapshot.operations.first { $0.what == "bytes from \(name)" })
        #expect(read.task == "connection \(name)")
        let service = try #require(snapshot.handles.first { $0.kind == "service" })
        #expect(service.madeAt == task.madeAt)
        #expect(
            snapshot.operations.contains { $0.what == "connections on \(listener.localAddress)" })
        await client.close()
        server.cancel()
        _ = await server.result
    }

    @Test func `streams and sockets say where they were made and what is on its way`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let line = #line
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let client = try await TCPStream.connect(to: listener.localAddress)
        let named = try await TCPStream.connect(host: "127.0.0.1", port: listener.localAddress.port)
        let socket = try await UDPSocket.bind(to: .loopback(port: 0))
        let accepted = (try await listener.accept(), try await listener.accept())
        try await client.write([1, 2, 3])
        #expect(try await accepted.0.read(upTo: 1) == [1])
        // What is left comes from the kernel in a turn of its own.
        var handles: [LoopSnapshot.Handle] = []
        while !handles.contains(where: { $0.unreadBytes == 2 }) {
            await Task.yield()
            handles = try await loop.snapshot().handles
        }
        func place(_ offset: Int) -> String { "ReactorTests/SnapshotTests.swift:\(line + offset)" }
        func madeAt(_ name: String) -> [String?] {
            handles.filter { $0.name == name }.map(\.madeAt)
        }
        #expect(madeAt("the listener on \(listener.localAddress)") == [place(1)])
        #expect(madeAt("the datagram socket on \(socket.localAddress)") == [place(4)])
        #expect(
            Set(madeAt("the stream with \(listener.localAddress)")) == [place(2), place(3)])
        let first = try #require(handles.first { $0.name.hasSuffix("\(client.localAddress)") })
        #expect(first.madeAt == place(1), "accepted by that listener")
        #expect(first.unreadBytes == 2)
        #expect(first.unsentBytes == 0)
        await accepted.0.close()
        await accepted.1.close()
        await client.close()
        await named.close()
        socket.close()
        listener.close()
    }

    @Test func `writes, accepts, receives, promises and signals are named with their tasks`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let (one, other) = try await UnixStream.pair()
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let socket = try await UDPSocket.bind(to: .loopback(port: 0))
        let promise = Promise<Int>(name: "answer")
        let tasks = [
            loop.spawn(name: "writer") {
                try await one.write([UInt8](repeating: 0, count: 1 << 22))
            },
            loop.spawn(name: "acceptor") { _ = try await listener.accept() },
            loop.spawn(name: "receiver") { _ = try await socket.receive() },
            loop.spawn(name: "asker") { _ = try await promise.future.value },
            loop.spawn(name: "listener") { _ = try await Signals(.user1).next() },
        ]
        #expect(try await waiting("writer", on: loop).waitsFor?.contains("to take") == true)
        let accepting = try await waiting("acceptor", on: loop)
        #expect(accepting.waitsFor == "connections on \(listener.localAddress)")
        #expect(accepting.waiting != nil)
        #expect(
            try await waiting("receiver", on: loop).waitsFor
                == "datagrams on \(socket.localAddress)")
        #expect(
            try await waiting("asker", on: loop).waitsFor?.hasPrefix("the promise answer") == true)
        #expect(try await waiting("listener", on: loop).waitsFor == "SIGUSR1")
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.result }
        one.abort()
        other.abort()
        socket.close()
        listener.close()
    }

    @Test func `a child has its pid, its program and who waits for it`() async throws {
        let loop = try #require(EventLoop.current)
        let line = #line + 1
        let child = try await Command("sleep", "3600").spawn()
        let keeper = loop.spawn(name: "keeper") { _ = try await child.waitUntilExit() }
        #expect(try await waiting("keeper", on: loop).waitsFor == "the end of sleep")
        let seen = try #require(try await loop.snapshot().children.first)
        #expect(seen.pid == child.pid)
        #expect(seen.name == "sleep")
        #expect(seen.madeAt == "ReactorTests/SnapshotTests.swift:\(line)")
        #expect(seen.state == "running")
        #expect(seen.waiters == 1)
        try child.send(.kill)
        try await keeper.value
        #expect(try await loop.snapshot().children.isEmpty)
    }

    @Test func `a task under a time limit waits for what its body waits for`() async throws {
        let loop = try #require(EventLoop.current)
        let (one, other) = try await UnixStream.pair()
        let reader = loop.spawn(name: "reader") {
            try await withTimeout(.seconds(3_600)) {
                try await withTimeout(.seconds(1_800)) { try await one.read(upTo: 1) }
            }
        }
        #expect(try await waiting("reader", on: loop).waitsFor == "bytes from the other of a pair")
        let snapshot = try await loop.snapshot()
        #expect(snapshot.operations.map(\.task) == ["reader"])
        #expect(snapshot.timers.map(\.kind) == ["time limit", "time limit"])
        #expect(snapshot.timers.contains { $0.task == "reader" })
        try await other.write([7])
        #expect(try await reader.value == [7])
        #expect(try await loop.snapshot().operations.isEmpty)
        one.abort()
        other.abort()
    }

    @Test func `a task waits for blocking work, queued or running, until it has its end`()
        async throws
    {
        let loop = try #require(EventLoop.current)
        let pool = BlockingPool(name: "disk", maxThreads: 1)
        let gates = [Gate(), Gate()]
        let callers = gates.enumerated().map { index, gate in
            loop.spawn(name: "caller \(index)") {
                try await blocking(on: pool) { gate.waitBlocking() }
            }
        }
        for index in 0..<2 {
            let caller = try await waiting("caller \(index)", on: loop)
            #expect(caller.waitsFor == "work on disk")
            #expect(try #require(caller.waiting) < .seconds(60))
        }
        for gate in gates { gate.open() }
        for caller in callers { try await caller.value }
        let snapshot = try await loop.snapshot()
        #expect(snapshot.operations.isEmpty && snapshot.handles.isEmpty)
        await pool.shutdown()
    }

    @Test func `a task on another loop is a wait without a name here`() async throws {
        let loop = try #require(EventLoop.current)
        let (one, other) = try await UnixStream.pair()
        let reader = Task.detached { try await one.read(upTo: 1) }
        while try await loop.snapshot().operations.isEmpty { await Task.yield() }
        let operation = try await loop.snapshot().operations[0]
        #expect(operation.what == "bytes from the other of a pair")
        #expect(operation.task == nil)
        try await other.write([7])
        #expect(try await reader.value == [7])
        one.abort()
        other.abort()
    }

    @Test func `lists stop at the limit and say what is left out`() async throws {
        let loop = try #require(EventLoop.current)
        let sleepers = (0..<10).map { _ in
            loop.spawn { try await EventLoop.sleep(for: .seconds(3_600)) }
        }
        while loop.core.timers.count < 10 { await Task.yield() }
        let snapshot = try await loop.snapshot(limit: 4)
        #expect(snapshot.tasks.count == 4)
        #expect(snapshot.timers.count == 4)
        #expect(snapshot.operations.count == 4)
        #expect(snapshot.omitted == 7 + 6, "tasks and timers")
        for sleeper in sleepers { sleeper.cancel() }
        for sleeper in sleepers { _ = await sleeper.result }
    }
}
