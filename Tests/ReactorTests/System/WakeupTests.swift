// The wake-up in both its forms: eventfd, and the pipe of systems without one.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct WakeupTests {
    @Test(arguments: [false, true])
    func `any number of wake-ups without a reader blocks nobody`(_ isPipe: Bool) throws {
        let wakeup = try Wakeup(forcePipe: isPipe)
        // More than a pipe holds.
        for _ in 0..<100_000 { wakeup.wake() }
        wakeup.drain()
        wakeup.wake()
        for _ in 0..<100_000 { wakeup.drain() }
    }

    @Test(arguments: [false, true])
    func `a loop wakes up by it`(_ isPipe: Bool) async throws {
        let loop = try EventLoop(name: "woken", wakeup: Wakeup(forcePipe: isPipe))
        let hasEnded = Gate()
        try Reactor.Thread.start(name: loop.name) {
            do throws(ReactorError) {
                let runner = try LoopRunner(loop)
                runner.run()
                runner.shutDown()
            } catch {
                Issue.record("\(error)")
            }
            hasEnded.open()
        }
        for number in 0..<1_000 {
            #expect(try await loop.submit { loop.isCurrent ? number : -1 } == number)
        }
        try await onThreads(4) { _ in for _ in 0..<1_000 { loop.post {} } }
        try await loop.submit { try await EventLoop.sleep(for: .milliseconds(1)) }
        loop.stop()
        await hasEnded.wait()
        await expect(.loopClosed) { try await loop.submit {} }
    }
}
