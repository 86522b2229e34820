// The steps of a stop that is asked for, on loops of this process.

import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct ShutdownStepsTests {
    enum Trail {
        @TaskLocal static var name = "nobody"
    }

    /// Something open that writes down what it is told, and may want to be waited for.
    private final class Witness: ShutdownParticipant, @unchecked Sendable {
        let calls = Record<String>()
        let isChild: Bool
        private var isOver = false

        init(isChild: Bool) { self.isChild = isChild }

        override var shutdownName: String { "child 1" }
        override var shutdownKind: ShutdownReport.Holdup.Kind { .child }
        override var shutdownWait: String? { isChild ? "its exit" : nil }
        override var holdsUpShutdown: Bool { isChild && !isOver }
        override func drain() { calls.add("drain") }
        override func cancel() {
            calls.add("cancel")
            let loop = EventLoop.current!
            loop.core.timers.add(.now.advanced(by: .milliseconds(20)), .call { self.end(loop) })
        }
        override func shutDown() {
            calls.add("shutDown")
            EventLoop.current?.core.participants.leave(self)
        }

        private func end(_ loop: EventLoop) {
            isOver = true
            calls.add("over")
        }
    }

    /// Runs `body` on a loop that `request` stops, once for each call.
    private func run(
        grace: Duration, _ body: @escaping @Sendable (_ request: () -> Void) async throws -> Void,
        given: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void = { _ in }
    ) async throws -> (error: (any Error)?, report: ShutdownReport) {
        try await onThread {
            let reports = Record<ShutdownReport>()
            let requests = Box()
            var failure: (any Error)?
            do {
                try EventLoop.runLoop(
                    name: "stopped", SourcePlace(#fileID, #line), grace: grace,
                    onReport: { reports.add($0) },
                    arrangeStop: { request in
                        requests.call = request
                        given(request)
                        return requests
                    },
                    body: { try await body { requests.call?() } })
            } catch {
                failure = error
            }
            requests.call = nil
            return (failure, try #require(reports.all.last))
        }
    }

    private final class Box: @unchecked Sendable {
        var call: (@Sendable () -> Void)?
    }

    @Test func `a hook sees the values of whoever registered it`() async throws {
        let group = try EventLoopGroup(count: 1)
        let seen = Record<String>()
        for name in ["first", "second"] {
            Trail.$name.withValue(name) {
                group.loops[0].onShutdown { seen.add(Trail.name) }
            }
        }
        try await group.loops[0].submit {
            Trail.$name.withValue("third") {
                EventLoop.current?.onShutdown { seen.add(Trail.name) }
            }
        }
        _ = await Trail.$name.withValue("nobody at all") { await group.shutdown() }
        #expect(seen.all == ["third", "second", "first"])
    }

    @Test func `what is open is drained, then cancelled and waited for, then ended`() async throws {
        let witness = Witness(isChild: true)
        let (error, report) = try await run(grace: .seconds(3_600)) { request in
            EventLoop.current?.core.participants.join(witness)
            request()
            try await EventLoop.sleep(for: .milliseconds(1))
        }
        #expect(error == nil)
        #expect(witness.calls.all == ["drain", "cancel", "over", "shutDown"])
        #expect(report.holdups.isEmpty)
        #expect(report.loop == "stopped")
    }

    @Test func `the root task is cancelled when the grace is over, and is in the report`()
        async throws
    {
        let (error, report) = try await run(grace: .milliseconds(30)) { request in
            EventLoop.current?.spawn(name: "poller") {
                try await EventLoop.sleep(for: .seconds(3_600))
            }
            request()
            try await EventLoop.sleep(for: .seconds(3_600))
        }
        #expect(error is CancellationError)
        let names = report.holdups.map { "\($0.phase) \($0.kind) \($0.name)" }
        #expect(
            names == [
                "draining task the body of stopped", "draining task poller",
                "draining timer 2 timers",
            ])
        #expect(report.elapsed >= .milliseconds(30))
    }

    @Test func `a second request does not wait for the grace`() async throws {
        let (error, report) = try await run(grace: .seconds(3_600)) { request in
            request()
            request()
            try await EventLoop.sleep(for: .seconds(3_600))
        }
        #expect(error is CancellationError)
        #expect(report.elapsed < .seconds(3_600))
    }

    @Test func `a third one leaves the body behind`() async throws {
        let gate = Gate()
        let (error, report) = try await run(grace: .seconds(3_600)) { request in
            for _ in 0..<3 { request() }
            await gate.wait()
        }
        #expect((error as? ReactorError)?.code == .loopClosed)
        let late = report.holdups.filter { $0.phase == .cancelling }
        #expect(late.map(\.name) == ["the body of stopped"])
        gate.open()
    }

    @Test func `a second request ends the waiting for a slow hook`() async throws {
        let calls = Box()
        let (error, report) = try await run(grace: .seconds(3_600)) { request in
            EventLoop.current?.onShutdown(name: "slow") {
                calls.call?()
                calls.call?()
                try await EventLoop.sleep(for: .seconds(3_600))
            }
        } given: {
            calls.call = $0
        }
        calls.call = nil
        #expect(error == nil)
        #expect(report.holdups.map(\.name) == ["slow"])
        #expect(report.holdups.map(\.phase) == [.hooks])
    }

    @Test func `a listener made while the loop drains takes nobody`() async throws {
        let (error, _) = try await run(grace: .seconds(3_600)) { request in
            request()
            try await Task.sleep(for: .zero, clock: .loop)
            let listener = try await TCPListener.bind(to: .loopback(port: 0))
            await expect(.closed) { try await listener.accept() }
        }
        #expect(error == nil)
    }

    @Test func `a loop whose thread is held is reported from another thread`() async throws {
        let reports = Record<ShutdownReport>()
        let isFree = Gate()
        let group = try EventLoopGroup(
            count: 1, name: "held", grace: .milliseconds(10), onReport: { reports.add($0) })
        let began = Gate()
        group.loops[0].spawn(name: "holder") {
            began.open()
            isFree.waitBlocking()
        }
        await began.wait()
        let end = Task { await group.shutdown() }
        while reports.all.isEmpty { await Task.yield() }
        #expect(reports.all[0].isThreadHeld)
        #expect(reports.all[0].holdups.map(\.name) == ["holder"])
        #expect("\(reports.all[0])".contains("does not yield"))
        isFree.open()
        _ = await end.value
        #expect(reports.all.map(\.isThreadHeld) == [true, false])
        #expect(reports.all[1].elapsed >= .seconds(1), "since it was asked for")
    }

    @Test func `whoever waits for anything is told when the loop ends`() async throws {
        let group = try EventLoopGroup(count: 1, grace: .zero)
        let loop = group.loops[0]
        let listener = try await loop.submit { try await TCPListener.bind(to: .loopback(port: 0)) }
        let other = try await loop.submit { try await TCPListener.bind(to: .loopback(port: 0)) }
        let client = try await loop.submit {
            try await TCPStream.connect(to: listener.localAddress)
        }
        let server = try await listener.accept()
        let signals = try Signals(.windowChanged)
        let waits: [@Sendable () async throws -> Void] = [
            { _ = try await listener.accept() },
            { _ = try await server.read(upTo: 10) },
            { while true { try await server.write([UInt8](repeating: 1, count: 1 << 16)) } },
            { _ = try await signals.next() },
            { try await EventLoop.sleep(for: .seconds(3_600)) },
            { try await withTimeout(.seconds(3_600)) { _ = try await other.accept() } },
        ]
        // Plain tasks of the loop's: nobody cancels them.
        let tasks = try await loop.submit {
            waits.map { wait in Task(executorPreference: loop) { try await wait() } }
        }
        while try await loop.submit({ loop.core.participants.all.count < 5 }) {}
        for _ in 0..<100 { try await loop.submit {} }
        await group.shutdown()
        for task in tasks { await expect(.loopClosed) { try await task.value } }
        await expect(.loopClosed) { try await client.write("x") }
        await expect(.loopClosed) { try await listener.accept() }
    }
}
