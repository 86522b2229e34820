// The complaint: most calls are wrong from another thread and do not say so, and the one that is
// right, `call_soon_threadsafe`, brings back neither a result nor an error.
//
// Line 3 of the answer: any thread may call any loop and get the result.

import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct AnyThreadCallTests {
    private struct Refusal: Error, Equatable { var reason = "no" }

    @Test(arguments: Place.allCases)
    func `a call into a loop brings back its result`(from place: Place) async throws {
        try await withOtherLoop { loop in
            let answer = try await place.run {
                try await loop.submit { "\(EventLoop.current?.name ?? "none") answers" }
            }
            #expect(answer == "other-0 answers")
        }
    }

    @Test(arguments: Place.allCases)
    func `a call into a loop brings back its error`(from place: Place) async throws {
        try await withOtherLoop { loop in
            _ = await #expect(throws: Refusal()) {
                try await place.run { try await loop.submit { throw Refusal() } }
            }
        }
    }

    @Test(arguments: Place.allCases)
    func `cancelling the caller cancels the call`(from place: Place) async throws {
        try await withOtherLoop { loop in
            try await place.run {
                let hasBegun = Gate()
                let saw = Record<String>()
                let caller = Task {
                    try await loop.submit {
                        hasBegun.open()
                        do { try await EventLoop.sleep(for: .seconds(3_600)) } catch {
                            saw.add("\(type(of: error))")
                            throw error
                        }
                    }
                }
                await hasBegun.wait()
                caller.cancel()
                await #expect(throws: CancellationError.self) { try await caller.value }
                #expect(saw.all == ["CancellationError"])
            }
        }
    }

    @Test(arguments: Place.allCases)
    func `what lives on a loop is used from anywhere, as if it were here`(
        from place: Place
    ) async throws {
        let (client, server) = try await tcpPair()
        let read = try await place.run {
            try await client.write("from afar")
            return try await server.read(upTo: 100)
        }
        #expect(read == Array("from afar".utf8))
        await client.close()
        await server.close()
    }

    @Test(arguments: Place.allCases)
    func `a loop may call itself`(from place: Place) async throws {
        let depth = try await place.run {
            let loop = EventLoop.current ?? EventLoopGroup.shared.next()
            return try await loop.submit { try await loop.submit { try await loop.submit { 3 } } }
        }
        #expect(depth == 3)
    }

    @Test func `synchronous code on a thread of its own gets the result too`() async throws {
        let loop = try #require(EventLoop.current)
        #expect(try await onThread { try loop.runBlocking { "to a thread" } } == "to a thread")
        #expect(try await blocking { try loop.runBlocking { "to the pool" } } == "to the pool")
        await #expect(throws: Refusal.self) {
            try await onThread { try loop.runBlocking { throw Refusal() } }
        }
    }
}
