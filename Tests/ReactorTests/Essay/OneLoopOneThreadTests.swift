// The complaint: which loop belongs to which thread is a matter of policies; one loop may run in
// turn on several threads, be run again after it has stopped, and nobody is told of its end.
//
// Line 2 of the answer: one loop, one thread, one identity.

import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct OneLoopOneThreadTests {
    @Test(arguments: Place.allCases)
    func `code of one loop has one thread, whoever sent it`(in place: Place) async throws {
        try await withOtherLoop { loop in
            let thread = try await loop.submit { currentThread() }
            let threads = try await place.run {
                var threads: Set<UInt> = []
                for _ in 0..<20 {
                    threads.insert(
                        try await loop.submit {
                            #expect(loop.isCurrent)
                            return currentThread()
                        })
                    threads.insert(try await loop.spawn { currentThread() }.value)
                }
                return threads
            }
            #expect(threads == [thread])
        }
    }

    @Test(arguments: Place.allCases)
    func `a loop has one name and one number`(in place: Place) async throws {
        let loop = try #require(EventLoop.current)
        let (name, id) = (loop.name, loop.id)
        let seen = try await place.run {
            try await loop.submit { EventLoop.current.map { ($0.name, $0.id, $0 == loop) } }
        }
        #expect(seen?.0 == name)
        #expect(seen?.1 == id)
        #expect(seen?.2 == true)
    }

    @Test(arguments: Place.allCases)
    func `a thread never runs two loops`(in place: Place) async throws {
        let own = try #require(EventLoop.current).name
        let isOnLoop = place.loop(own: own) != nil
        let outcome = try await place.call {
            Swift.Result { try EventLoop.run { "a loop of its own" } }
                .mapError { $0 as? ReactorError ?? ReactorError(.closed, "\($0)") }
        }
        switch outcome {
        case .success(let text): #expect(!isOnLoop, "\(text)")
        case .failure(let error):
            #expect(isOnLoop)
            #expect(error.code == .loopRunning)
        }
    }

    @Test(arguments: Place.allCases)
    func `whoever asks is told of a loop's end, once, on its own thread`(
        in place: Place
    ) async throws {
        let told = Record<String>()
        let thread = try await withOtherLoop { loop in
            try await place.run {
                for name in ["first", "second"] {
                    loop.onShutdown {
                        #expect(EventLoop.current == loop)
                        told.add("\(name) on \(currentThread())")
                    }
                }
            }
            return try await loop.submit { currentThread() }
        }
        #expect(told.all == ["second on \(thread)", "first on \(thread)"])
    }

    @Test(arguments: Place.allCases)
    func `a loop that has ended stays ended, and says so`(in place: Place) async throws {
        let ended = try await withOtherLoop { $0 }
        let codes = try await place.run {
            [
                await failure { try await ended.submit { 1 } },
                await failure { try await ended.spawn { 1 }.value },
                await failure { try await ended.spawn(after: .zero) { 1 }.value },
            ]
        }
        #expect(codes == [.loopClosed, .loopClosed, .loopClosed])
    }
}
