// What deadlines and cancellations do to every public call that suspends, all in one table.

import CFaults
import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct OperationTests {
    @Test(arguments: Operation.pairs { $0.kind != .waitsWithFaults })
    func `each ends with the right error, and leaves nothing`(
        operation: Operation, by ending: Ending
    ) async throws {
        guard operation.canRunHere else { return Skip.note("not with uv_spawn") }
        try await operation.check(ending)
    }

    @Test func `so does what waits for room in the kernel`() async {
        await #expect(processExitsWith: .success) {
            for (operation, ending) in Operation.pairs(where: { $0.kind == .waitsWithFaults }) {
                try await withoutLeakingDescriptors { try await operation.check(ending) }
            }
        }
    }

    @Test func `a deadline leaves no socket open`() async {
        await #expect(processExitsWith: .success) {
            for operation in Operation.all
            where operation.kind == .waits && operation.canRunHere {
                try await withoutLeakingDescriptors { try await operation.check(.deadline) }
            }
        }
    }

    @Test func `a task that was cancelled before makes no call to the system`() async {
        await #expect(processExitsWith: .success) {
            try await withOtherLoop { loop in
                for operation in Operation.all where operation.canRunHere {
                    try await loop.submit {
                        let attempt = Attempt(.cancelledBefore)
                        try await operation.perform(attempt)
                        #expect(attempt.systemCalls.all == [0], "\(operation.names[0])")
                    }
                }
            }
        }
    }

    // MARK: The table

    @Test func `the table has every public call that suspends`() {
        let known = Operation.cleanUp.union(Operation.all.flatMap { $0.names })
        let declared = PublicCall.all()
        for call in declared where !known.contains(call.name) {
            let place = "\(call.path):\(call.line) \(call.name)"
            Issue.record("\(place) is not in the table. Fix: add it in Contracts/Operation+…")
        }
        let names = Set(declared.map { $0.name })
        for name in known.subtracting(names).sorted() {
            Issue.record("\(name) is in the table, and is no public call. Fix: take it out")
        }
    }

    @Test func `each says what a cancellation does to it`() {
        for call in PublicCall.all() where !call.saysWhatCancellingDoes {
            let place = "\(call.path):\(call.line) \(call.name)"
            Issue.record("\(place) does not say what cancelling does. Fix: say it in a sentence")
        }
    }

    @Test func `the reader of the sources knows every kind of call`() {
        let names = Set(PublicCall.all().map(\.name))
        for name in [
            "EventLoop.submit(name:_:)", "Future.value", "copy(from:to:)",
            "BlockingPool.shutdown()",
            "TCPListener.Connections.AsyncIterator.next(isolation:)", "blocking(on:_:)",
            "TCPListener.serve(on:limit:drain:_:)", "withTimeout(_:isolation:_:)",
            "ByteReader.read(into:)", "ChildProcess.waitUntilExit()",
        ] { #expect(names.contains(name), "\(name)") }
        #expect(!names.contains { $0.hasPrefix("EventLoop.run") })
        #expect(!names.contains { $0.hasPrefix("EventLoop.spawn") })
    }
}

extension Operation {
    /// Terminals need the library's own way to start children.
    var canRunHere: Bool { !names[0].hasPrefix("PseudoTerminal") || !Spawner.usesUV }
}

extension PublicCall {
    /// Itself, or by a link to a call that says it.
    fileprivate var saysWhatCancellingDoes: Bool {
        let text = documentation.lowercased()
        return text.contains("cancel") || text.contains("as ``")
    }
}
