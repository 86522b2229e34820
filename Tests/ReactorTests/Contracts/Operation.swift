// Every public call that suspends, in a table: how to make it wait for ever, and what must be so
// when a deadline or a cancellation has ended the wait.

import CFaults
import Testing

@testable import Reactor

/// A call, or several that wait in the same way.
struct Operation: Sendable, CustomTestStringConvertible {
    enum Kind: Sendable {
        /// It can be made to wait for ever.
        case waits
        /// It waits only where system calls are made to fail: in a process of its own.
        case waitsWithFaults
        /// It comes back at the loop's next turn: only a task that is cancelled before matters.
        case prompt
    }

    /// As `PublicCall` reads them.
    let names: [String]
    let kind: Kind
    /// Sets up, hands the call over to `attempt`, and looks at what is left.
    let perform: @Sendable (_ attempt: Attempt) async throws -> Void

    init(
        _ names: String..., kind: Kind = .waits,
        perform: @escaping @Sendable (_ attempt: Attempt) async throws -> Void
    ) {
        self.names = names
        self.kind = kind
        self.perform = perform
    }

    var testDescription: String { names[0] }

    static let all = streams + writes + sockets + connections + processes + others

    /// The ways to end it that mean something, on a loop that goes on.
    var endings: [Ending] { kind == .prompt ? [.cancelledBefore] : Ending.onLivingLoop }

    /// Every one with every way to end it.
    static func pairs(where isMeant: (Operation) -> Bool) -> [(Operation, Ending)] {
        all.filter(isMeant).flatMap { operation in operation.endings.map { (operation, $0) } }
    }

    func check(_ ending: Ending) async throws {
        let attempt = Attempt(ending)
        try await perform(attempt)
        #expect(attempt.count.value == 1, "\(names[0]) was not tried once")
    }

    /// Clean-up, which a cancellation must not cut short, what is behind a trait, and what serves
    /// on a loop of its own (InspectorTests).
    static let cleanUp: Set = [
        "BlockingPool.shutdown()", "ChildProcess.terminate(grace:)",
        "EventLoop.serveInspector(at:)", "EventLoopGroup.shutdown()",
        "InMemoryStream.close()", "ListenerService.run()", "LoopMetrics.run(every:)",
        "PipeReader.close()",
        "PipeWriter.close()",
        "PipeWriter.close(flushingFor:)", "PseudoTerminal.close()", "TCPStream.close()",
        "TCPStream.close(flushingFor:)", "UnixStream.close()", "UnixStream.close(flushingFor:)",
    ]
}

/// What ends a call that would wait for ever, and where its task runs.
enum Ending: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case deadline = "a deadline"
    case deadlineElsewhere = "a deadline, away from the loop"
    case cancellation = "a cancellation"
    case cancellationElsewhere = "a cancellation, away from the loop"
    case cancelledBefore = "a cancellation before it began"
    case loopEndBefore = "the end of its loop before it began"
    case loopEnd = "the end of the loop it runs on"
    case homeEnd = "the end of its home loop"
    case objectEnd = "the end of its object's loop"

    static let onLivingLoop = [
        deadline, deadlineElsewhere, cancellation, cancellationElsewhere, cancelledBefore,
    ]

    var testDescription: String { rawValue }
}

/// One try of a call.
struct Attempt: Sendable {
    let ending: Ending
    let count = Counter()
    /// Calls to the system that a task made which was cancelled before.
    let systemCalls = Record<Int>()
    /// How calls ended that a loop's end was to end.
    let ends = Record<Result<Void, any Error>>()
    /// Open when the call is under way, so that its loop may end.
    let isWaiting = Gate()

    /// There is no loop left to look at what the call leaves.
    struct LoopHasEnded: Error {}

    init(_ ending: Ending) { self.ending = ending }

    /// Makes the call, ends it, and expects the right error.
    func callAsFunction(_ call: @escaping @Sendable () async throws -> Void) async throws {
        count.add()
        switch ending {
        case .deadline:
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.milliseconds(3)) { try await call() }
            }
        case .deadlineElsewhere:
            await #expect(throws: TimeoutError.self) {
                try await Task {
                    try await withTimeout(.milliseconds(3)) { try await call() }
                }.value
            }
        case .cancellation:
            let loop = try #require(EventLoop.current)
            try await cancel(Task(executorPreference: loop) { try await call() })
        case .cancellationElsewhere:
            try await cancel(Task { try await call() })
        case .cancelledBefore:
            let before = Self.systemCallCount
            #expect(try await cancelled(call) == .cancelled)
            systemCalls.add(Self.systemCallCount - before)
        case .loopEndBefore:
            // What needs no loop would wait for ever: the limit does need one.
            try await withTimeout(.seconds(3_600)) { try await call() }
        case .loopEnd:
            let loop = try #require(EventLoop.current)
            try await outlast(call) { body in Task(executorPreference: loop) { await body() } }
        case .homeEnd: try await outlast(call) { body in Task { await body() } }
        case .objectEnd: try await outlast(call) { body in Task.detached { await body() } }
        }
    }

    /// Nobody cancels the task: only the loop's end can end it.
    private func outlast(
        _ call: @escaping @Sendable () async throws -> Void,
        _ start: (@escaping @Sendable () async -> Void) -> Task<Void, Never>
    ) async throws {
        let hasBegun = Gate()
        let task = start {
            hasBegun.open()
            do { ends.add(.success(try await call())) } catch { ends.add(.failure(error)) }
        }
        await hasBegun.wait()
        try await turnLoop(5)
        isWaiting.open()
        await task.value
        throw LoopHasEnded()
    }

    /// Whether it waits by now or has not begun makes no difference.
    private func cancel(_ task: Task<Void, any Error>) async throws {
        try await turnLoop(5)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    private static var systemCallCount: Int {
        let calls = [
            FAULTS_RECV, FAULTS_SEND, FAULTS_SENDMSG, FAULTS_SENDTO, FAULTS_SENDMMSG,
            FAULTS_RECVMMSG, FAULTS_ACCEPT, FAULTS_CONNECT,
        ]
        return calls.reduce(0) { $0 + Int(faults_count($1)) }
    }
}

/// Waits until it is cancelled.
@Sendable func forever() async throws { try await EventLoop.sleep(for: .seconds(3_600)) }

/// A name service that never answers.
struct SilentResolver: Resolver {
    func addresses(of host: String, port: Int) async throws -> [SocketAddress] {
        try await forever()
        return []
    }
}
