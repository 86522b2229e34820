// As many connections as one process may have, both ends in it.

import Foundation
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(10)))
struct TCPCrowdTests {
    /// Five echoes each; a hundred with REACTOR_FULL_TESTS=1.
    @Test(.tags(.slow)) func `9,500 connections echo at once, and nothing is left of them`() async {
        await #expect(processExitsWith: .success) {
            guard try allowDescriptors(19_500) else {
                return Skip.note("too few descriptors")
            }
            try await withoutLeakingDescriptors {
                let isFull = ProcessInfo.processInfo.environment["REACTOR_FULL_TESTS"] == "1"
                let rounds = isFull ? 100 : 5
                let listener = try await TCPListener.bind(to: .loopback(port: 0), backlog: 4_096)
                let serving = listener.loop.spawn { try await listener.serve(echo) }
                let right = Count()
                try await withThrowingDiscardingTaskGroup { group in
                    var clients: [TCPStream] = []
                    for _ in 0..<9_500 {
                        clients.append(try await TCPStream.connect(to: listener.localAddress))
                    }
                    for (index, client) in clients.enumerated() {
                        group.addTask {
                            right.value += try await echoes(rounds, on: client, number: index)
                            await client.close()
                        }
                    }
                }
                #expect(right.value == 9_500 * rounds)
                #expect(try await listener.statistics().accepted == 9_500)
                serving.cancel()
                _ = await serving.result
            }
        }
    }
}

/// How many of `rounds` messages came back as they were.
private func echoes(_ rounds: Int, on stream: TCPStream, number: Int) async throws -> Int {
    var right = 0
    for round in 0..<rounds {
        let message = Array("\(number) \(round) ".utf8) + [UInt8](repeating: 46, count: 40)
        try await stream.write(message)
        if try await stream.readExactly(message.count) == message { right += 1 }
    }
    return right
}

/// Raises the soft limit as far as it goes. False if that is not enough.
private func allowDescriptors(_ count: Int) throws -> Bool {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    // SAFETY: one live variable is read and written.
    try #require(unsafe getrlimit(resource, &limit) == 0)
    limit.rlim_cur = limit.rlim_max
    try #require(unsafe setrlimit(resource, &limit) == 0)
    return limit.rlim_cur >= rlim_t(count)
}
