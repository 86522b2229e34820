// What listening does to the process's dispositions, and that it is undone.

import Foundation
import Synchronization
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct DispositionTests {
    @Test func `once the last listener has gone the signal kills again`() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            unblock(SIGTERM)
            for _ in 0..<100 {
                let signals = try Signals(.terminate)
                let other = try Signals(.terminate, .interrupt)
                send(SIGTERM)
                #expect(try await signals.next() == .terminate)
                #expect(try await other.next() == .terminate)
            }
            send(SIGTERM)
            while true { await Task.yield() }
        }
    }

    @Test func `a signal sent right after registration does not kill`() async {
        await #expect(processExitsWith: .success) {
            for _ in 0..<1_000 {
                let signals = try Signals(.terminate)
                raiseHere(SIGTERM)
                #expect(try await signals.next() == .terminate)
            }
        }
    }

    @Test func `a former handler, its flags and its mask come back exactly`() async {
        await #expect(processExitsWith: .success) {
            // SAFETY: actions are plain values that the kernel reads and fills.
            var mine = sigaction()
            unsafe mine.__sigaction_handler.sa_handler = { _ in calls.add(1, ordering: .relaxed) }
            mine.sa_flags = SA_RESTART | SA_NODEFER
            unsafe sigaddset(&mine.sa_mask, SIGHUP)
            unsafe sigaction(SIGUSR1, &mine, nil)
            let before = action(of: SIGUSR1)
            signal(SIGUSR2, SIG_IGN)
            do {
                let signals = try Signals(.user1, .user2)
                send(SIGUSR1)
                #expect(try await signals.next() == .user1)
                send(SIGUSR2)
                #expect(try await signals.next() == .user2)
            }
            #expect(calls.load(ordering: .relaxed) == 0)
            #expect(action(of: SIGUSR1) == before)
            #expect(ignores(SIGUSR2))
            raiseHere(SIGUSR1)
            #expect(calls.load(ordering: .relaxed) == 1)
        }
    }

    @Test func `a handler that somebody installed meanwhile stays`() async {
        await #expect(processExitsWith: .success) {
            do {
                let signals = try Signals(.user1)
                signal(SIGUSR1) { _ in calls.add(1, ordering: .relaxed) }
                withExtendedLifetime(signals) {}
            }
            raiseHere(SIGUSR1)
            #expect(calls.load(ordering: .relaxed) == 1)
        }
    }

    @Test func `a handler of SIGCHLD from before is called too`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD) { _ in calls.add(1, ordering: .relaxed) }
            let signals = try Signals(.child)
            raiseHere(SIGCHLD)
            #expect(try await signals.next() == .child)
            #expect(calls.load(ordering: .relaxed) == 1)
        }
    }

    @Test(arguments: [
        .kill, .stop, .segmentationFault, .busError, .illegalInstruction, .arithmeticError,
        Signal(rawValue: 0), Signal(rawValue: -1), Signal(rawValue: 65), Signal(rawValue: .max),
        Signal(rawValue: .min),
    ])
    func `what cannot be caught is refused, and nothing is installed`(_ signal: Signal) throws {
        let before = action(of: SIGPROF)
        let error = #expect(throws: ReactorError.self) { try Signals(.profilingAlarm, signal) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.operation == "listen for \(signal)")
        #expect(action(of: SIGPROF) == before)
    }

    // Not the signal that the test before looks at.
    @Test func `what the C library keeps is refused, and nothing stays installed`() throws {
        let before = action(of: SIGVTALRM)
        let error = #expect(throws: ReactorError.self) {
            try Signals(.virtualAlarm, Signal(rawValue: 33))
        }
        #expect(error?.code == .invalidArgument)
        #expect(action(of: SIGVTALRM) == before)
        #expect(throws: ReactorError.self) { try Signals([]) }
    }

    @Test func `listening leaves no thread and no descriptor`() async {
        await #expect(processExitsWith: .success) {
            func threads() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count {
                    let name = try? String(
                        contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)
                    return name?.hasPrefix("reactor-signals") == true
                }
            }
            do {
                let signals = try Signals(.user1)
                while try threads() == 0 { await Task.yield() }
                withExtendedLifetime(signals) {}
            }
            let descriptors = try descriptorCount()
            for _ in 0..<1_000 {
                let signals = try Signals(.user1, .user2)
                withExtendedLifetime(signals) {}
            }
            let start = ContinuousClock.now
            while try threads() > 0, ContinuousClock.now - start < .seconds(30) {
                await Task.yield()
            }
            #expect(try threads() == 0)
            // Foundation and Dispatch open a few of their own, late.
            #expect(try descriptorCount() <= descriptors + 4)
        }
    }
}

private let calls = Atomic(0)

/// A disposition to compare: the handler's address, the flags, and a handler's blocked signals.
private func action(of number: Int32) -> [UInt64] {
    // SAFETY: the kernel fills a plain value, which is then read.
    var action = sigaction()
    unsafe sigaction(number, nil, &action)
    let handler = unsafe unsafeBitCast(action.__sigaction_handler, to: UInt64.self)
    // Without a handler the mask means nothing, and the thread sanitizer leaves an old one there.
    if handler < 2 { return [handler] }
    let mask = (1...64).map { unsafe UInt64(sigismember(&action.sa_mask, $0)) }
    // Less SA_RESTORER, which glibc sets for itself.
    let flags = UInt64(UInt32(bitPattern: action.sa_flags) & ~0x0400_0000)
    return [handler, flags] + mask
}

private func ignores(_ number: Int32) -> Bool { action(of: number)[0] == 1 }
