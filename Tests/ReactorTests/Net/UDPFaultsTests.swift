// System calls for datagrams that fail on demand. Each test is a process of its own.

import CFaults
import Foundation
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct UDPFaultsTests {
    @Test(arguments: [EAGAIN, ENOBUFS])
    func `without room sends wait, in order, and each leaves once`(_ error: Int32) async {
        await #expect(processExitsWith: .success) { [error = error as Int32] in
            try await withoutLeakingDescriptors {
                let (server, client) = try await udpPair()
                for call in [FAULTS_SENDTO, FAULTS_SENDMSG, FAULTS_SENDMMSG] {
                    faults_fail(call, error, 3)
                }
                // One that waits, a batch behind it, another one behind that.
                let loop = server.loop
                let one = loop.spawn { try await client.send([1]) }
                try await until { !client.core.outbound.isClear }
                let batch = loop.spawn { try await client.sendBatch((2...50).map { .init([$0]) }) }
                let last = loop.spawn { try await client.send([51].span) }
                try await one.value
                let report = try await batch.value
                try await last.value
                #expect(report.sent == 49)
                var received: [UInt8] = []
                while received.count < 51 {
                    received += try await server.receiveBatch().map { $0.bytes[0] }
                }
                #expect(received == Array(1...51))
                #expect(try await client.statistics().sent == 51)
                faults_fail_every(FAULTS_SENDTO, error, 2)
                for byte in 0..<100 { try await client.send([UInt8(byte)]) }
                for byte in 0..<100 { #expect(try await server.receive().bytes == [UInt8(byte)]) }
                server.close()
                client.close()
            }
        }
    }

    @Test func `a send that waits and is cancelled is not sent, the others are`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let (server, client) = try await udpPair()
                faults_fail(FAULTS_SENDTO, EAGAIN, .max)
                faults_fail(FAULTS_SENDMSG, EAGAIN, .max)
                faults_fail(FAULTS_SENDMMSG, EAGAIN, .max)
                let loop = server.loop
                let first = loop.spawn { try await client.send([1]) }
                try await until { !client.core.outbound.isClear }
                let second = loop.spawn { try await client.send([2]) }
                let elsewhere = Task.detached { try await client.send([3]) }
                let batch = loop.spawn { try await client.sendBatch([.init([4])]) }
                try await turnLoop()
                for task in [second, elsewhere] { task.cancel() }
                batch.cancel()
                for task in [second, elsewhere] {
                    await #expect(throws: CancellationError.self) { try await task.value }
                }
                await #expect(throws: CancellationError.self) { try await batch.value }
                for call in [FAULTS_SENDTO, FAULTS_SENDMSG, FAULTS_SENDMMSG] {
                    faults_fail(call, 0, 0)
                }
                try await first.value
                try await client.send([5])
                #expect(try await server.receive().bytes == [1])
                #expect(try await server.receive().bytes == [5])
                server.close()
                client.close()
            }
        }
    }

    @Test func `a batch that is cancelled or closed half-way says what became of each`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                for closes in [false, true] {
                    let (server, client) = try await udpPair(.singly)
                    let sending = client.loop.spawn {
                        try await client.sendBatch((0..<30_000).map { _ in .init([1]) })
                    }
                    // It gives way after some, and then there is no room.
                    try await until { client.core.statistics.sent > 0 }
                    faults_fail(FAULTS_SENDMSG, EAGAIN, .max)
                    try await turnLoop()
                    if closes { client.close() } else { sending.cancel() }
                    let report = try await sending.value
                    faults_fail(FAULTS_SENDMSG, 0, 0)
                    #expect(report.sent > 0 && report.sent < 30_000)
                    #expect(report.sent + report.failures.count == 30_000)
                    #expect(report.failures.first?.index == report.sent)
                    #expect(
                        report.failures.allSatisfy {
                            closes
                                ? ReactorError.Code($0.error) == .closed
                                : $0.error is CancellationError
                        })
                    #expect(client.core.statistics.sent == report.sent)
                    server.close()
                    client.close()
                }
            }
        }
    }

    /// A device or a kernel that cannot, or a route whose datagrams are smaller.
    @Test(arguments: [EINVAL, EIO, EMSGSIZE, EOPNOTSUPP])
    func `where the kernel will not cut, each leaves by itself`(_ error: Int32) async {
        await #expect(processExitsWith: .success) { [error = error as Int32] in
            try await withoutLeakingDescriptors {
                let (server, client) = try await udpPair()
                guard client.core.segments else { return Skip.note("no UDP_SEGMENT") }
                faults_fail_segmented(error)
                for _ in 0..<20 {
                    let sent = (0..<50).map { Datagram.Outgoing([UInt8($0)]) }
                    let report = try await client.sendBatch(sent)
                    #expect(report.sent == 50)
                    #expect(report.failures.isEmpty)
                    var received: [[UInt8]] = []
                    while received.count < 50 {
                        received += try await server.receiveBatch().map(\.bytes)
                    }
                    #expect(received == sent.map(\.bytes))
                }
                // It learns.
                #expect(faults_segmented_count() == 8)
                #expect(!client.core.segments)
                server.close()
                client.close()
            }
        }
    }

    @Test func `a refusal that meets a large message is told for one datagram of it`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let nobody = try await deserted()
                let client = try await UDPSocket.connect(to: nobody)
                try await client.send([1])
                let report = try await client.sendBatch((0..<50).map { .init([$0]) })
                #expect(report.failures.map(\.index).first == 0)
                #expect(
                    report.failures.allSatisfy {
                        ReactorError.Code($0.error) == .connectionRefused
                    })
                #expect(report.sent + report.failures.count == 50)
                #expect(report.sent >= 40)
                client.close()
            }
        }
    }

    @Test func `errors of other conversations do not reach an unconnected receiver`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let (server, client) = try await udpPair()
                let receiving = server.loop.spawn { try await server.receive().bytes }
                try await until { server.core.inbound.receiver != nil }
                faults_fail(FAULTS_RECVMMSG, ECONNREFUSED, 5)
                try await client.send([1])
                #expect(try await receiving.value == [1])
                // An error that goes on is no endless loop, and one of its own is told.
                faults_fail(FAULTS_RECVMMSG, EHOSTUNREACH, 1000)
                let other = server.loop.spawn { try await server.receive().bytes }
                try await client.send([2])
                #expect(try await other.value == [2])
                faults_fail(FAULTS_RECVMMSG, ENOMEM, 1)
                try await client.send([3])
                await expect(.outOfMemory) { try await server.receive() }
                #expect(try await server.receive().bytes == [3])
                server.close()
                client.close()
            }
        }
    }

    @Test func `interrupted calls are made again`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let (server, client) = try await udpPair()
                for call in [FAULTS_SENDTO, FAULTS_SENDMSG, FAULTS_SENDMMSG, FAULTS_RECVMMSG] {
                    faults_fail_every(call, EINTR, 2)
                }
                for byte in 0..<50 {
                    try await client.send([UInt8(byte)])
                    try await client.sendBatch([.init([]), .init([UInt8(byte)])])
                    for expected in [[UInt8(byte)], [], [UInt8(byte)]] {
                        #expect(try await server.receive().bytes == expected)
                    }
                }
                server.close()
                client.close()
            }
        }
    }

    @Test func `without descriptors sockets are refused, and made again later`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let hoard = try Hoard()
                await hoard.expectRefusal {
                    try await UDPSocket.bind(to: .loopback(port: 0)).close()
                }
                await hoard.expectRefusal {
                    try await UDPSocket.connect(to: .loopback(port: 9)).close()
                }
                hoard.release()
                let noSpace = ReactorError.Code(rawValue: -ENOSPC)
                faults_fail(FAULTS_EPOLL_ADD, ENOSPC, 1)
                await expect(noSpace) { try await UDPSocket.bind(to: .loopback(port: 0)) }
                faults_fail(FAULTS_CONNECT, ENETUNREACH, 1)
                await expect(.networkUnreachable) {
                    try await UDPSocket.connect(to: .loopback(port: 9))
                }
                let (server, client) = try await udpPair()
                server.close()
                client.close()
            }
        }
    }
}
