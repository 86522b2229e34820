// The complaint: `as_completed` hands out other awaitables than those that were put in, so nobody
// knows which result is whose.
//
// Line 10 of the answer: results keep their identity; task groups carry whatever key the caller
// chooses, and a task is one value from its start to its end.

import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ResultIdentityTests {
    @Test(arguments: Place.allCases)
    func `results come as they are ready, each with its key`(in place: Place) async throws {
        let gates = (0..<5).map { _ in Gate() }
        let order = try await place.run {
            try await withThrowingTaskGroup(of: (key: Int, result: String).self) { group in
                for key in 0..<5 {
                    group.addTask {
                        await gates[key].wait()
                        return (key, "the result of \(key)")
                    }
                }
                // The other way round than they were begun.
                gates[4].open()
                var order: [Int] = []
                for try await (key, result) in group {
                    #expect(result == "the result of \(key)")
                    order.append(key)
                    if key > 0 { gates[key - 1].open() }
                }
                return order
            }
        }
        #expect(order == [4, 3, 2, 1, 0])
    }

    @Test(arguments: Place.allCases)
    func `a task is a key itself`(in place: Place) async throws {
        let loop = try #require(EventLoop.current)
        let isRight = try await place.run {
            var questions: [Task<Int, any Error>: Int] = [:]
            for number in 0..<10 { questions[loop.spawn { number * number }] = number }
            for (task, number) in questions where try await task.value != number * number {
                return false
            }
            return questions.count == 10
        }
        #expect(isRight)
    }

    @Test(arguments: Place.allCases)
    func `children that run at once keep their names`(in place: Place) async throws {
        let statuses = try await place.run {
            try await withThrowingTaskGroup { group in
                for name in ["1", "2", "3"] {
                    group.addTask { (name, try await Command("sh", "-c", "exit \(name)").run()) }
                }
                return try await group.reduce(into: [String: Reactor.ExitStatus]()) {
                    $0[$1.0] = $1.1
                }
            }
        }
        #expect(statuses == ["1": .exited(1), "2": .exited(2), "3": .exited(3)])
    }

    @Test(arguments: Place.allCases)
    func `a datagram says whose it is`(in place: Place) async throws {
        let server = try await UDPSocket.bind(to: .loopback(port: 0))
        defer { server.close() }
        let address = server.localAddress
        let clients = try await place.run {
            var clients: [UDPSocket] = []
            for number in 0..<3 {
                let client = try await UDPSocket.connect(to: address)
                try await client.send([UInt8(number)])
                clients.append(client)
            }
            return clients
        }
        // Open together: a port that is given back may be the next one's.
        defer { for client in clients { client.close() } }
        for _ in 0..<3 {
            let datagram = try await server.receive()
            let number = clients.firstIndex { $0.localAddress == datagram.from }
            #expect(number.map { [UInt8($0)] } == datagram.bytes)
        }
    }
}
