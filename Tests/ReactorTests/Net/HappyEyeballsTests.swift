// The race of addresses as a table: what happens, what is done, and a walk through everything else.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct HappyEyeballsTests {
    private static func six(_ number: Int) -> SocketAddress {
        SocketAddress(ipv6: .init(high: 0x2001_0DB8 << 32, low: UInt64(number)), port: 80)
    }
    private static func four(_ number: Int) -> SocketAddress {
        SocketAddress(ipv4: .init(high: UInt64(0x0A00_0000 + number) << 32), port: 80)
    }
    private static func time(_ milliseconds: Int) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000 + UInt64(milliseconds) * 1_000_000)
    }
    private static func refused(_ number: Int) -> ReactorError {
        ReactorError(.connectionRefused, "connect to \(number)")
    }

    private func race(_ addresses: [SocketAddress], delay: Duration = .milliseconds(250))
        -> HappyEyeballs
    {
        HappyEyeballs(addresses, of: "example.com:80", delay: delay)
    }

    // MARK: The order

    @Test func `families take turns, the resolver's first one first`() {
        let (six, four) = (Self.six, Self.four)
        let table: [(found: [SocketAddress], order: [SocketAddress])] = [
            ([], []),
            ([four(1)], [four(1)]),
            ([six(1), six(2), four(1), four(2)], [six(1), four(1), six(2), four(2)]),
            ([four(1), four(2), six(1)], [four(1), six(1), four(2)]),
            ([six(1), six(2), six(3), four(1)], [six(1), four(1), six(2), six(3)]),
            ([six(1), six(1), four(1), six(1)], [six(1), four(1)]),
        ]
        for (found, order) in table { #expect(HappyEyeballs.interleaved(found) == order) }
    }

    // MARK: The race

    private enum Event {
        case begin(at: Int)
        case delay(at: Int)
        case failed(Int, at: Int)
        case connected(Int)
    }

    private func play(
        _ race: HappyEyeballs,
        _ steps: [(Event, HappyEyeballs.Action, pending: Set<Int>, next: Int?)],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var race = race
        for (number, step) in steps.enumerated() {
            let action: HappyEyeballs.Action
            switch step.0 {
            case .begin(let at): action = race.begin(Self.time(at))
            case .delay(let at): action = race.delayPassed(Self.time(at))
            case .failed(let attempt, let at):
                action = race.failed(attempt, Self.refused(attempt), Self.time(at))
            case .connected(let attempt): action = race.connected(attempt)
            }
            #expect(action == step.1, "step \(number)", sourceLocation: sourceLocation)
            #expect(race.pending == step.pending, "step \(number)", sourceLocation: sourceLocation)
            #expect(
                race.nextAttempt == step.next.map(Self.time), "step \(number)",
                sourceLocation: sourceLocation)
        }
    }

    @Test func `an attempt has its time, then the next begins beside it`() {
        play(
            race([Self.six(1), Self.four(1), Self.six(2)]),
            [
                (.begin(at: 0), .attempt(0), [0], 250),
                (.delay(at: 249), .wait, [0], 250),
                (.delay(at: 250), .attempt(1), [0, 1], 500),
                (.delay(at: 500), .attempt(2), [0, 1, 2], nil),
                (.delay(at: 750), .wait, [0, 1, 2], nil),
                (.connected(1), .win(1), [0, 2], nil),
                (.connected(0), .wait, [0, 2], nil),
                (.failed(2, at: 800), .wait, [0, 2], nil),
            ])
    }

    @Test func `a failure begins the next attempt at once, with a delay of its own`() {
        play(
            race([Self.six(1), Self.four(1), Self.six(2)]),
            [
                (.begin(at: 0), .attempt(0), [0], 250),
                (.failed(0, at: 10), .attempt(1), [1], 260),
                (.delay(at: 250), .wait, [1], 260),
                (.failed(0, at: 255), .wait, [1], 260),
                (.delay(at: 260), .attempt(2), [1, 2], nil),
                (.failed(1, at: 270), .wait, [2], nil),
                (.connected(2), .win(2), [], nil),
            ])
    }

    @Test func `the delay is the caller's, but ten milliseconds at least`() {
        for (given, kept) in [(40, 40), (0, 10), (-5, 10), (10, 10)] {
            var race = race([Self.six(1), Self.four(1)], delay: .milliseconds(given))
            _ = race.begin(Self.time(0))
            #expect(race.nextAttempt == Self.time(kept))
        }
        var endless = race([Self.six(1), Self.four(1)], delay: .seconds(Int64.max))
        #expect(endless.begin(Self.time(0)) == .attempt(0))
        #expect(endless.nextAttempt == .distantFuture)
    }

    // MARK: The error

    private func end(_ codes: [ReactorError.Code], _ order: [Int]? = nil) -> ReactorError? {
        var race = race(codes.indices.map(Self.four))
        var action = race.begin(Self.time(0))
        for _ in codes.dropFirst() { action = race.delayPassed(.distantFuture) }
        for number in order ?? Array(codes.indices) {
            let error = ReactorError(codes[number], "connect")
            action = race.failed(number, error, Self.time(1))
        }
        if case .fail(let error) = action { return error }
        return nil
    }

    @Test func `the error names every address in the order of the attempts`() throws {
        let error = try #require(
            end([.networkUnreachable, .connectionRefused, .timedOut], [2, 0, 1]))
        #expect(
            error.operation == "connect to example.com:80, tried "
                + "10.0.0.0:80 network is unreachable (ENETUNREACH); "
                + "10.0.0.1:80 connection refused (ECONNREFUSED); "
                + "10.0.0.2:80 connection timed out (ETIMEDOUT)")
    }

    @Test func `the code is that of the most telling failure, the first of equals`() {
        let table: [([ReactorError.Code], ReactorError.Code)] = [
            ([.networkUnreachable, .connectionRefused], .connectionRefused),
            ([.timedOut, .hostUnreachable], .timedOut),
            ([.connectionRefused, .timedOut], .connectionRefused),
            ([.connectionRefused, .tooManyOpenFiles], .tooManyOpenFiles),
            ([.networkUnreachable, .hostUnreachable], .networkUnreachable),
            ([.connectionReset, .connectionRefused], .connectionReset),
        ]
        for (codes, code) in table { #expect(end(codes)?.code == code, "\(codes)") }
    }

    @Test(arguments: [ReactorError.Code.invalidArgument, .loopClosed])
    func `what no other address can mend ends the race`(_ code: ReactorError.Code) {
        var race = race([Self.six(1), Self.four(1)])
        _ = race.begin(Self.time(0))
        let error = ReactorError(code, "connect")
        #expect(race.failed(0, error, Self.time(1)) == .fail(error))
        #expect(race.nextAttempt == nil)
    }

    // MARK: Everything else

    @Test(arguments: (0..<40).map(UInt64.init))
    func `whatever happens in whatever order, each address is tried once and the end comes once`(
        _ seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let count = Int.random(in: 1...6, using: &random)
            let found = (0..<count).map {
                Bool.random(using: &random) ? Self.six($0) : Self.four($0)
            }
            var race = race(found)
            var now = 0
            var attempted: [Int] = []
            var ends = 0
            func note(_ action: HappyEyeballs.Action) {
                switch action {
                case .wait: break
                case .attempt(let number):
                    #expect(ends == 0, "seed \(seed)")
                    attempted.append(number)
                case .win, .fail: ends += 1
                }
            }
            note(race.begin(Self.time(now)))
            for _ in 0..<60 where ends == 0 {
                now += Int.random(in: 0..<200, using: &random)
                let some = Int.random(in: 0..<count, using: &random)
                switch Int.random(in: 0..<10, using: &random) {
                case 0: note(race.connected(some))
                case 1..<5: note(race.failed(some, Self.refused(some), Self.time(now)))
                default: note(race.delayPassed(Self.time(now)))
                }
                // Nothing waits for ever: an attempt is under way, or the race is over.
                #expect(ends == 1 || !race.pending.isEmpty, "seed \(seed)")
                #expect(race.nextAttempt == nil || attempted.count < count, "seed \(seed)")
            }
            for number in race.pending where ends == 0 {
                note(race.failed(number, Self.refused(0), Self.time(now)))
            }
            while ends == 0, let last = race.pending.first {
                note(race.failed(last, Self.refused(last), Self.time(now)))
            }
            #expect(ends == 1, "seed \(seed)")
            #expect(attempted == Array(0..<attempted.count), "seed \(seed)")
        }
    }
}
