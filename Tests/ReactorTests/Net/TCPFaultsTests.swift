// System calls that fail on demand. Each test is a process of its own: faults are for all of it.

import CFaults
import Foundation
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct TCPFaultsTests {
    /// libuv's own listener spins for ever here, with no timer running (PITFALLS D1).
    @Test(arguments: [ENFILE, ENOMEM, ENOBUFS, EPERM, EMFILE, ECONNABORTED])
    func `an accept error that lasts is met with pauses, then all is well`(_ error: Int32) async {
        await #expect(processExitsWith: .success) { [error = error as Int32] in
            try await withoutLeakingDescriptors {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                let serving = listener.loop.spawn { try await listener.serve(echo) }
                let before = faults_count(FAULTS_ACCEPT)
                faults_fail(FAULTS_ACCEPT, error, .max)
                let client = try Descriptor.client(of: listener.localAddress)
                client.send([7])
                var ticks = 0
                while try await listener.statistics().backOffs < 4 {
                    try await EventLoop.sleep(for: .milliseconds(1))
                    ticks += 1
                }
                let calls = faults_count(FAULTS_ACCEPT) - before
                let statistics = try await listener.statistics()
                faults_fail(FAULTS_ACCEPT, 0, 0)
                #expect(ticks > 0)
                #expect(statistics.lastError?.code == .init(rawValue: -error))
                #expect(statistics.accepted == 0)
                // No call but those that a pause followed; the aborted ones may come in a run.
                let run = error == ECONNABORTED ? ListenerCore.undeliveredLimit : 0
                #expect(calls == statistics.backOffs + run)
                #expect(statistics.aborted == (run == 0 ? 0 : calls))
                try await until { client.receive() == [7] }
                client.close()
                serving.cancel()
                _ = await serving.result
            }
        }
    }

    @Test func `a failure to ask how connecting went is thrown by connect`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                faults_fail(FAULTS_GETSOCKOPT, ENOBUFS, 1)
                await expect(.noBufferSpace) {
                    try await TCPStream.connect(to: listener.localAddress)
                }
                let next = try await TCPStream.connect(to: listener.localAddress)
                await next.close()
                listener.close()
            }
        }
    }

    @Test func `an error number that nobody knows has a description`() {
        let error = ReactorError(.init(rawValue: -32_532), "connect")
        #expect(error.description.contains("32532"))
    }

    @Test func `a connect that fails at once is thrown`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                faults_fail(FAULTS_CONNECT, ENETUNREACH, 1)
                await expect(.networkUnreachable) {
                    try await TCPStream.connect(to: listener.localAddress)
                }
                listener.close()
            }
        }
    }

    /// libuv aborts the process where epoll refuses a descriptor that is watched (PITFALLS D14);
    /// it is asked beforehand.
    @Test func `a descriptor that cannot be watched is refused by bind and connect`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let noSpace = ReactorError.Code(rawValue: -ENOSPC)
                faults_fail(FAULTS_EPOLL_ADD, ENOSPC, 1)
                await expect(noSpace) { try await TCPListener.bind(to: .loopback(port: 0)) }
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                faults_fail(FAULTS_EPOLL_ADD, ENOSPC, 1)
                await expect(noSpace) { try await TCPStream.connect(to: listener.localAddress) }
                let next = try await TCPStream.connect(to: listener.localAddress)
                await next.close()
                listener.close()
            }
        }
    }

    @Test func `a connection that cannot be watched is refused by accept, the next is not`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                async let refused: Void = expect(.init(rawValue: -ENOSPC)) {
                    try await listener.accept()
                }
                try await until { listener.handle.here.isAwaited }
                // The listener itself is in epoll only after the next poll.
                try await turnLoop(2)
                faults_fail(FAULTS_EPOLL_ADD, ENOSPC, 1)
                let first = try Descriptor.client(of: listener.localAddress)
                await refused
                first.wait(for: POLLIN)
                #expect(first.receive() == [])
                first.close()
                let second = try Descriptor.client(of: listener.localAddress)
                await (try listener.accept()).close()
                second.close()
                listener.close()
            }
        }
    }

    @Test func `serve goes on without the connection that cannot be watched`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                let serving = listener.loop.spawn { try await listener.serve(limit: 1, echo) }
                try await until { listener.handle.here.isAwaited }
                try await turnLoop(2)
                faults_fail(FAULTS_EPOLL_ADD, ENOSPC, 1)
                let lost = try Descriptor.client(of: listener.localAddress)
                try await until { listener.handle.here.statistics.backOffs == 1 }
                lost.wait(for: POLLIN)
                #expect(lost.receive() == [])
                lost.close()
                // Its place is free again.
                try await TCPStream.withConnection(to: listener.localAddress) { client in
                    try await client.write([1])
                    let answer = try await client.read(upTo: 9)
                    #expect(answer == [1])
                }
                serving.cancel()
                _ = await serving.result
            }
        }
    }

    @Test func `bytes come through calls that do little, fail and are interrupted`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let (client, server) = try await tcpPair()
                let calls = [FAULTS_RECV, FAULTS_SEND, FAULTS_SENDMSG]
                for call in calls {
                    faults_fail_every(call, EAGAIN, 2)
                    faults_fail_every_second_kind(call, EINTR, 3)
                }
                faults_limit_bytes(1)
                let before = calls.map { faults_count($0) }
                let message = Pattern.bytes(10_000)
                try await withThrowingTaskGroup { group in
                    group.addTask {
                        try await echo(server)
                        try await server.finish()
                    }
                    group.addTask {
                        // Whole, in parts, and borrowed.
                        try await client.write(Array(message[..<4_000]))
                        let parts = stride(from: 4_000, to: 7_000, by: 30)
                        try await client.write(
                            contentsOf: parts.map { Array(message[$0..<$0 + 30]) })
                        try await client.write(message.span.extracting(7_000...))
                        try await client.finish()
                    }
                    group.addTask {
                        let answer = try await client.readAll()
                        #expect(answer == message)
                    }
                    try await group.waitForAll()
                }
                // A byte is moved by one call in three at least, both ways and on both sides.
                let made = zip(calls, before).map { faults_count($0) - $1 }
                #expect(made.reduce(0, +) <= 4 * 3 * message.count + 1_000)
                await client.close()
                await server.close()
            }
        }
    }

    @Test func `small writes that wait leave together`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let (client, server) = try await tcpPair()
                try await client.writeUntilBlocked()
                let ahead = client.core.outbound.pending
                let writes = 20_000
                let before = faults_count(FAULTS_SEND) + faults_count(FAULTS_SENDMSG)
                try await withThrowingTaskGroup { group in
                    for _ in 0..<writes {
                        group.addTask { try await client.write([UInt8](repeating: 1, count: 64)) }
                    }
                    try await until { client.core.outbound.pending == ahead + writes * 64 }
                    #expect(faults_count(FAULTS_SEND) + faults_count(FAULTS_SENDMSG) == before)
                    group.addTask { try await client.finish() }
                    group.addTask { _ = try await server.readAll() }
                    try await group.waitForAll()
                }
                let made = faults_count(FAULTS_SEND) + faults_count(FAULTS_SENDMSG) - before
                #expect(made <= writes / 100)
                await client.close()
                await server.close()
            }
        }
    }
}
