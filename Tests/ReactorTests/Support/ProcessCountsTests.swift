// The counters that exit tests rely on, tried in a process of their own.

import Foundation
import Testing

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct ProcessCountsTests {
    @Test func `open descriptors and threads are counted`() async {
        await #expect(processExitsWith: .success) {
            // What began before may open or close a few meanwhile: many of ours stand out.
            let before = try descriptorCount()
            let ours = (0..<50).map { _ in dup(2) }
            #expect((40..<60).contains(try descriptorCount() - before))
            for number in ours { close(number) }
            #expect((-10..<10).contains(try descriptorCount() - before))

            let threads = try threadCount()
            let done = DispatchSemaphore(value: 0)
            let thread = Thread { done.wait() }
            thread.start()
            #expect(try threadCount() > threads)
            done.signal()
        }
    }

    @Test func `a child that has ended is a zombie until somebody waits for it`() async {
        await #expect(processExitsWith: .success) {
            var child: pid_t = 0
            var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("true"), nil]
            // SAFETY: the vector is terminated and outlives the call.
            let status = unsafe posix_spawn(&child, "/bin/true", nil, nil, &arguments, nil)
            try #require(status == 0)
            let ended = waitid(P_PID, id_t(child), nil, WEXITED | WNOWAIT)
            try #require(ended == 0)
            #expect(try zombieCount() == 1)
            let reaped = waitpid(child, nil, 0)
            #expect(reaped == child)
            #expect(try zombieCount() == 0)
        }
    }
}
