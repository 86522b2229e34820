// Threads of a test's own: what the library does for callers that are neither loop nor task.

import Foundation
@testable import Reactor

/// Runs `body` on a new thread, which is no loop's, and returns its result.
func onThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Foundation.Thread.detachNewThread {
            let result = Swift.Result { try body() }
            continuation.resume(with: result)
        }
    }
}

/// Runs `body` on `count` threads at once, with the number of each, and waits for all.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) async throws {
    try await withThrowingTaskGroup { group in
        for index in 0..<count {
            group.addTask { try await onThread { body(index) } }
        }
        try await group.waitForAll()
    }
}

/// Which thread runs the caller, asked anew each time.
func currentThread() -> UInt { Reactor.Thread.identity }

/// Keeps a thread for a moment: about a nanosecond or two for each of `steps`.
@inline(never)
func spin(_ steps: Int) {
    var word: UInt64 = 1
    for _ in 0..<steps { word = word &* 6_364_136_223_846_793_005 &+ 1 }
    // What nobody reads would not be computed.
    if word == 0 { print(word) }
}

/// Holds the threads or tasks that wait for it until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Monitor(State())

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func open() {
        var waiting: [CheckedContinuation<Void, Never>] = []
        state.broadcast {
            $0.isOpen = true
            swap(&waiting, &$0.waiting)
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Suspends a task, deaf to cancellation.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock {
                if !$0.isOpen { $0.waiting.append(continuation) }
                return $0.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    /// Blocks a thread.
    func waitBlocking() { state.wait { $0.isOpen ? () : nil } }
}

/// A number that any thread may change.
final class Counter: Sendable {
    private let number = Locked(0)
    var value: Int { number.withLock { $0 } }
    @discardableResult
    func add(_ amount: Int = 1) -> Int {
        number.withLock {
            $0 += amount
            return $0
        }
    }
}

/// A list that any thread may add to.
final class Record<Element: Sendable>: Sendable {
    private let list = Locked<[Element]>([])
    var all: [Element] { list.withLock { $0 } }
    func add(_ element: Element) { list.withLock { $0.append(element) } }
}
