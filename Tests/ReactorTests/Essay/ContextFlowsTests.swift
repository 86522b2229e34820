// The complaint: there is no way to have a value travel with the work, so a logger or an error
// reporter deep inside cannot know which request it serves.
//
// Line 6 of the answer: context flows everywhere, but where the caller leaves it behind.

import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ContextFlowsTests {
    private enum Request {
        @TaskLocal static var id = "none"
    }

    @Test(arguments: Place.inheriting)
    func `the value of whoever set it up is seen`(in place: Place) async throws {
        let seen = try await Request.$id.withValue("a request") {
            try await place.call { Request.id }
        }
        #expect(seen == "a request")
    }

    @Test(arguments: Place.inheriting)
    func `it is still there after every wait`(in place: Place) async throws {
        let seen = try await Request.$id.withValue("a request") {
            try await place.run {
                var seen: Set = [Request.id]
                try await EventLoop.sleep(for: .microseconds(1))
                seen.insert(Request.id)
                seen.insert(try await blocking { Request.id })
                _ = try await Command("true").run()
                seen.insert(Request.id)
                let (client, server) = try await tcpPair()
                seen.insert(Request.id)
                await client.close()
                _ = try await server.read(upTo: 1)
                seen.insert(Request.id)
                await server.close()
                return seen
            }
        }
        #expect(seen == ["a request"])
    }

    @Test(arguments: Place.inheriting)
    func `it passes through one kind of place into every other`(
        first place: Place
    ) async throws {
        let seen = try await Request.$id.withValue("a request") {
            try await place.run {
                var seen: [Place: String] = [:]
                // What is scheduled on a loop that runs its hooks is cancelled.
                for next in Place.inheriting where place != .hook || next != .timer {
                    seen[next] = try await next.call { Request.id }
                }
                return seen
            }
        }
        #expect(seen.count >= Place.inheriting.count - 1)
        for (next, value) in seen { #expect(value == "a request", "\(next)") }
    }

    @Test(arguments: Place.inheriting)
    func `two requests in the same kind of place do not mix`(in place: Place) async throws {
        try await withThrowingTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    let seen = try await Request.$id.withValue("\(number)") {
                        try await place.run {
                            let before = Request.id
                            await Task.yield()
                            try await EventLoop.sleep(for: .microseconds(10))
                            return [before, Request.id]
                        }
                    }
                    #expect(seen == ["\(number)", "\(number)"])
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(arguments: Place.allCases)
    func `it is left behind where the caller says so`(in place: Place) async throws {
        let seen = try await Request.$id.withValue("a request") {
            try await place.run { await Task.detached { Request.id }.value }
        }
        #expect(seen == "none")
        let detached = try await Request.$id.withValue("a request") {
            try await Place.detachedTask.call { Request.id }
        }
        #expect(detached == "none")
    }

    @Test(arguments: Place.allCases)
    func `nothing is left for whoever comes next`(in place: Place) async throws {
        for number in 0..<3 {
            _ = try await Request.$id.withValue("\(number)") {
                try await place.call { Request.id }
            }
            #expect(try await place.call { Request.id } == "none")
        }
    }
}
