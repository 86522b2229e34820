// The complaint: subprocesses need a watcher that is attached to one loop, and signals the main
// thread; from any other loop they are out of reach.
//
// Line 8 of the answer: subprocesses and signals work from every loop.

import Foundation
import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct AnyLoopProcessesTests {
    @Test(arguments: Place.allCases)
    func `a program is run, and its end and output are told`(from place: Place) async throws {
        let result = try await place.run {
            try await Command("sh", "-c", "echo hello; exit 3").output()
        }
        #expect(result.text == "hello\n")
        #expect(result.status == .exited(3))
    }

    @Test(arguments: Place.allCases)
    func `a child is talked to, and ends with its scope`(from place: Place) async throws {
        let (line, status) = try await place.run {
            let (status, line) = try await Command("cat").run { child in
                try await child.standardInput.write("hello\n")
                return try await BufferedReader(child.standardOutput).readLine()
            }
            return (line, status)
        }
        #expect(line == "hello")
        #expect(status == .exited(0))
    }

    @Test(arguments: Place.allCases)
    func `signals come to every place, each listener's every one`(in place: Place) async throws {
        let heard = try await place.run {
            let listeners = [try Signals(.urgent), try Signals(.urgent)]
            kill(getpid(), SIGURG)
            return [try await listeners[0].next(), try await listeners[1].next()]
        }
        #expect(heard == [.urgent, .urgent])
    }

    @Test(arguments: Place.allCases)
    func `a child of one loop is awaited and ended from any other place`(
        place: Place
    ) async throws {
        let child = try await Command("sleep", "60").spawn()
        async let status = place.run { try await child.waitUntilExit() }
        try await place.call { try child.send(.terminate) }
        #expect(try await status == .signaled(.terminate, coreDumped: false))
        #expect(try await place.run { await child.terminate() } == child.exitStatus)
    }

    @Test func `four loops run children at once, each its own`() async throws {
        let group = try EventLoopGroup(count: 4)
        let statuses = try await withThrowingTaskGroup { tasks in
            for number in 0..<16 {
                let loop = group.loops[number % 4]
                tasks.addTask {
                    try await loop.submit {
                        let status = try await Command("sh", "-c", "exit \(number)").run()
                        #expect(EventLoop.current == loop)
                        return (number, status)
                    }
                }
            }
            return try await tasks.reduce(into: [Int: Reactor.ExitStatus]()) { $0[$1.0] = $1.1 }
        }
        #expect(statuses.count == 16)
        for (number, status) in statuses { #expect(status == .exited(Int32(number))) }
        await group.shutdown()
    }
}
