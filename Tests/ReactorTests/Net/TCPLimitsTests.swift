// What belongs to the whole process: descriptors and their limit, SIGPIPE, memory, routes.

import CFaults
import Foundation
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct TCPLimitsTests {
    /// libuv accepts and closes the whole backlog here, silently (PITFALLS D2).
    @Test func `without descriptors connections wait, timers tick, and all is served later`() async
    {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                let serving = listener.loop.spawn { try await listener.serve(echo) }
                let clients = try (0..<20).map { _ in try Descriptor.streamSocket(.ipv4) }
                let hoard = try Hoard()
                for client in clients { _ = try client.connect(to: listener.localAddress) }
                for client in clients { client.wait(for: POLLOUT) }
                for (index, client) in clients.enumerated() { client.send([UInt8(index)]) }
                var ticks = 0
                var (before, statistics) = (ListenerStatistics(), ListenerStatistics())
                // Another thread that closes a file makes room for one: three pauses in which
                // none did.
                repeat {
                    hoard.fill()
                    before = try await listener.statistics()
                    repeat {
                        try await EventLoop.sleep(for: .milliseconds(1))
                        ticks += 1
                        statistics = try await listener.statistics()
                    } while statistics.backOffs < before.backOffs + 3
                } while statistics.accepted != before.accepted
                #expect(ticks > 0)
                #expect(statistics.lastError?.code == .tooManyOpenFiles)
                hoard.release()
                for (index, client) in clients.enumerated() {
                    try await until { client.receive() == [UInt8(index)] }
                    client.close()
                }
                serving.cancel()
                _ = await serving.result
            }
        }
    }

    @Test func `without descriptors connect, bind and loops fail, and work again later`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                let address = listener.localAddress
                let hoard = try Hoard()
                await hoard.expectRefusal { try await TCPStream.connect(to: address).close() }
                await hoard.expectRefusal {
                    try await TCPStream.connect(host: address.ip, port: address.port).close()
                }
                await hoard.expectRefusal {
                    try await TCPListener.bind(to: .loopback(port: 0)).close()
                }
                await hoard.expectRefusal { await (try EventLoopGroup(count: 1)).shutdown() }
                hoard.release()
                let client = try await TCPStream.connect(to: address)
                await client.close()
                let other = try await TCPListener.bind(to: .loopback(port: 0))
                other.close()
                listener.close()
            }
        }
    }

    @Test func `attempts that fail leave nothing open`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let taken = try await TCPListener.bind(to: .loopback(port: 0))
                let free = try Descriptor.streamSocket(.ipv4)
                try free.bind(to: .loopback(port: 0))
                let nobody = try #require(try free.localAddress())
                var bad = TCPOptions()
                bad.linger = .seconds(-1)
                for _ in 0..<50 {
                    await expect(.addressInUse) {
                        try await TCPListener.bind(to: taken.localAddress)
                    }
                    await expect(.connectionRefused) { try await TCPStream.connect(to: nobody) }
                    await expect(.invalidArgument) {
                        try await TCPStream.connect(to: taken.localAddress, options: bad)
                    }
                }
                free.close()
                taken.close()
            }
        }
    }

    @Test func `a listener that closes while clients come leaves nothing open`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                for round in 0..<100 {
                    let listener = try await TCPListener.bind(to: .loopback(port: 0))
                    let accepting = listener.loop.spawn {
                        for try await stream in listener.connections { await stream.close() }
                    }
                    let clients = (0..<20).map { _ in
                        listener.loop.spawn {
                            try await TCPStream.connect(to: listener.localAddress).close()
                        }
                    }
                    for _ in 0..<round % 10 { await Task.yield() }
                    listener.close()
                    for client in clients { _ = await client.result }
                    try await accepting.value
                }
            }
        }
    }

    @Test func `writing to a peer that has gone throws, with SIGPIPE at its default`() async {
        await #expect(processExitsWith: .success) {
            _ = signal(SIGPIPE, SIG_DFL)
            try await withoutLeakingDescriptors {
                for parts in [[[1]], [[1], [2, 3]]] as [[[UInt8]]] {
                    let (client, server) = try await tcpPair()
                    await server.close()
                    var code: ReactorError.Code?
                    while code == nil {
                        code = await failure { try await client.write(contentsOf: parts) }
                    }
                    #expect([.brokenPipe, .connectionReset].contains(code))
                    await client.close()
                }
            }
        }
    }

    /// 64 MiB; a gibibyte with REACTOR_FULL_TESTS=1.
    @Test(.tags(.slow)) func `a writer keeps little in memory, however much it writes`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let isFull = ProcessInfo.processInfo.environment["REACTOR_FULL_TESTS"] == "1"
                let blocks = isFull ? 16_384 : 1_024
                let block = Pattern.bytes(65_536)
                let (client, server) = try await tcpPair()
                // Both ends have what they need before memory is measured.
                try await client.writeUntilBlocked()
                let ahead = client.core.outbound.pending
                #expect(ahead < Outbound.mark)
                let before = try residentBytes()
                let mostPending = Count()
                async let writing: Void = {
                    for _ in 0..<blocks {
                        try await client.write(block)
                        mostPending.value = max(mostPending.value, client.core.outbound.pending)
                    }
                    try await client.finish()
                }()
                try await until { client.core.outbound.waiting == 1 }
                #expect(client.core.outbound.pending < Outbound.mark + block.count)
                // A pause: the writer must not get any further.
                try await turnLoop(200)
                #expect(client.core.outbound.waiting == 1)
                var buffer = [UInt8](repeating: 0, count: 65_536)
                var received = 0
                var mostUnread = 0
                while case let count = try await server.read(into: &buffer), count > 0 {
                    received += count
                    mostUnread = max(mostUnread, server.core.inbound.unread)
                }
                try await writing
                #expect(received >= blocks * block.count)
                #expect(mostPending.value < Outbound.mark)
                #expect(mostUnread < 2 * Inbound.highMark)
                #expect(try residentBytes() - before <= 8 << 20)
                await client.close()
                await server.close()
            }
        }
    }

    @Test func `routes that lead nowhere are told apart`() async {
        await #expect(processExitsWith: .success) {
            // A thread of its own network, and a loop on it.
            let done = AsyncStream<String?>.makeStream()
            let thread = Thread {
                done.continuation.yield(Self.tryRoutes())
                done.continuation.finish()
            }
            thread.start()
            for await problem in done.stream {
                if let problem { Skip.note(problem) }
            }
        }
    }

    /// Why it could not try; `nil` if it has.
    private static func tryRoutes() -> String? {
        guard faults_leave_network() == 0 else { return "no network namespaces" }
        let routes = """
            ip link set lo up && ip route add unreachable 198.51.100.0/24 &&
            ip route add prohibit 203.0.113.0/24
            """
        // SAFETY: a terminated string that lives through the call.
        guard unsafe system(routes) == 0 else { return "no network namespaces" }
        do {
            try EventLoop.run {
                for (host, code) in [
                    ("198.51.100.1", .hostUnreachable), ("203.0.113.1", .accessDenied),
                    ("192.0.2.1", .networkUnreachable), ("127.0.0.1", .connectionRefused),
                ] as [(String, ReactorError.Code)] {
                    await expect(code) { try await TCPStream.connect(host: host, port: 9) }
                }
            }
        } catch { Issue.record(error) }
        return nil
    }
}

/// Memory of this process that is in use, by the kernel's count.
func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    return Int(fields.split(separator: " ")[1])! * Int(getpagesize())
}
