// Snapshots as values: JSON, text, and those of loops that do not answer.

import Foundation
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SnapshotFormTests {
    @Test func `its own JSON is what JSONEncoder makes, and reads back the same`() async throws {
        let loop = try #require(EventLoop.current)
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let client = try await TCPStream.connect(to: listener.localAddress)
        let sleeper = loop.spawn(name: "a \"quoted\" näme\n\u{1}") {
            try await EventLoop.sleep(for: .seconds(3_600))
        }
        while loop.core.timers.count < 1 { await Task.yield() }
        let snapshot = try await loop.snapshot()
        let own = Data(snapshot.json.utf8)
        let theirs = try JSONEncoder().encode(snapshot)
        let decoder = JSONDecoder()
        let back = try decoder.decode(LoopSnapshot.self, from: own)
        let reference = try decoder.decode(LoopSnapshot.self, from: theirs)
        #expect(back == reference)
        let object = try JSONSerialization.jsonObject(with: own) as? NSDictionary
        let other = try JSONSerialization.jsonObject(with: theirs) as? NSDictionary
        #expect(object != nil && object == other)
        #expect(!snapshot.json.contains("\n"))
        sleeper.cancel()
        _ = await sleeper.result
        await client.close()
        listener.close()
    }

    @Test func `as text it has a line for each thing`() async throws {
        let loop = try #require(EventLoop.current)
        let sleeper = loop.spawn(name: "sleeper") {
            try await EventLoop.sleep(for: .seconds(3_600))
        }
        while loop.core.timers.count < 1 { await Task.yield() }
        let text = "\(try await loop.snapshot())"
        #expect(text.hasPrefix("loop \(loop.name)\n"))
        #expect(text.contains("  tasks: 2\n"))
        #expect(text.contains("    spawn sleeper, made at ReactorTests/SnapshotFormTests.swift:"))
        #expect(text.contains("sleep of sleeper due in 59 min"))
        sleeper.cancel()
        _ = await sleeper.result
    }

    @Test(arguments: [
        (Duration.zero, "0 s"), (.microseconds(12), "12 µs"), (.milliseconds(1), "1 ms"),
        (.microseconds(1_500), "1.5 ms"), (.milliseconds(250), "250 ms"),
        (.seconds(12.34), "12.3 s"), (.seconds(61), "1 min 1 s"), (.seconds(3_725), "1 h 2 min"),
        (.seconds(90_000), "1 d 1 h"), (.milliseconds(-1), "-1 ms"),
    ])
    func `durations are told in about three digits`(duration: Duration, text: String) {
        #expect(duration.brief == text)
    }

    @Test func `a loop whose thread is held is described from outside`() async throws {
        let (gate, began) = (Gate(), Gate())
        let group = try EventLoopGroup(count: 1)
        let held = group.loops[0]
        held.spawn(name: "holder") {
            began.open()
            gate.waitBlocking()
        }
        await began.wait()
        let snapshot = try await held.snapshot(patience: .milliseconds(1))
        #expect(snapshot.isThreadHeld)
        #expect(snapshot.statistics == nil)
        #expect(snapshot.tasks.map(\.name) == ["holder"])
        #expect("\(snapshot)".contains("a task has its thread"))
        gate.open()
        #expect(try await held.snapshot(patience: .seconds(3_600)).isThreadHeld == false)
        await group.shutdown()
        await expect(.loopClosed) { try await held.snapshot() }
    }

    @Test func `taking one is refused to a cancelled task, and ends with one`() async throws {
        let loop = try #require(EventLoop.current)
        #expect(try await cancelled { _ = try await loop.snapshot() } == .cancelled)
        let (gate, began) = (Gate(), Gate())
        let group = try EventLoopGroup(count: 1)
        group.loops[0].spawn {
            began.open()
            gate.waitBlocking()
        }
        await began.wait()
        let asker = Task { try await group.loops[0].snapshot(patience: .seconds(3_600)) }
        asker.cancel()
        await #expect(throws: CancellationError.self) { try await asker.value }
        gate.open()
        await group.shutdown()
    }
}
