// What a workload is, and the list of those that `bench` runs.

/// Something measured for several implementations in one run, so that they can be compared.
protocol Workload {
    var name: String { get }
    var implementations: [String] { get }
    func measure(progress: Progress) throws -> [Row]
}

/// How often something is measured, for how long, and when to stop early: on a busy machine all
/// takes longer, and a run has promised its end.
struct Rounds {
    var count: Int
    var seconds: Double
    /// Once this has passed, no further round begins after the second.
    var budget: Double

    init(_ count: Int, seconds: Double = 0, budget: Double = .infinity) {
        self.count = count
        self.seconds = seconds
        self.budget = budget
    }

    func run(_ round: (Int) throws -> Void) rethrows {
        let watch = Stopwatch()
        for index in 1...count {
            if index > 2, watch.seconds > budget { break }
            try round(index)
        }
    }
}

/// What `bench` alone runs. The sum of the seconds stays under three minutes, or 45 seconds.
struct Plan {
    let isQuick: Bool

    var workloads: [any Workload] {
        [
            TCPWorkload(
                connections: 50, size: 1024, rounds: rounds(8, 0.4, budget: 32),
                implementations: TCPImplementation.compared),
            TCPWorkload(
                connections: 1000, size: 64, rounds: rounds(8, 0.4, budget: 14),
                implementations: [.libuv, .reactor, .reactorChunks]),
            TCPWorkload(
                connections: 8, size: 65_536, rounds: rounds(8, 0.4, budget: 14),
                implementations: [.libuv, .reactor, .reactorChunks]),
            LoopsWorkload(
                loops: 2, connections: 100, size: 1024, rounds: rounds(5, 0.3, budget: 7)),
            UnixWorkload(connections: 50, size: 1024, rounds: rounds(5, 0.3, budget: 7)),
            UDPWorkload(
                inFlight: 32, rounds: rounds(5, 0.25, budget: 9),
                selected: UDPImplementation.allCases),
            UDPWorkload(
                inFlight: 256, rounds: rounds(5, 0.25, budget: 9),
                selected: UDPImplementation.allCases),
            ChurnWorkload(rounds: rounds(6, 0.35, budget: 14)),
            IdleWorkload(connections: isQuick ? 2000 : 5000),
            AllocationsWorkload(requestsEach: isQuick ? 100 : 400),
            TimersWorkload(
                mode: .cancel, count: isQuick ? 200_000 : 1_000_000, rounds: 1,
                implementations: TimersImplementation.allCases),
            TimersWorkload(
                mode: .fire, count: isQuick ? 300_000 : 1_000_000, rounds: 1,
                implementations: [.libuv, .reactor]),
            SubmitWorkload(
                inFlight: 1, count: isQuick ? 1500 : 4000, rounds: rounds(7, 0, budget: 10)),
            SubmitWorkload(
                inFlight: 100, count: isQuick ? 20_000 : 60_000, rounds: rounds(7, 0, budget: 10)),
            DNSWorkload(
                mode: .numeric, count: isQuick ? 2000 : 10_000,
                rounds: rounds(5, 0, budget: 5)),
            DNSWorkload(
                mode: .shared, count: isQuick ? 300 : 1000, rounds: rounds(5, 0, budget: 5)),
            BulkWorkload(.bulk, bytes: bulkBytes, rounds: rounds(5, 0, budget: 8)),
            BulkWorkload(.proxy, bytes: bulkBytes, rounds: rounds(5, 0, budget: 8)),
            SpawnWorkload(
                atOnce: 1, count: isQuick ? 100 : 300, rounds: rounds(isQuick ? 3 : 5, 0, budget: 6)
            ),
            SpawnWorkload(
                atOnce: 8, count: isQuick ? 100 : 300, rounds: rounds(isQuick ? 3 : 5, 0, budget: 6)
            ),
            ExitsWorkload(alive: 100, rounds: rounds(3, 0, budget: 3)),
            ExitsWorkload(alive: 4000, rounds: rounds(2, 0, budget: 4), selected: [.reactor]),
            PipeWorkload(bytes: bulkBytes / (isQuick ? 2 : 1), rounds: rounds(5, 0, budget: 5)),
            LatenessWorkload(
                count: isQuick ? 300 : 1000, rounds: rounds(isQuick ? 1 : 3, 0, budget: 4)),
        ]
    }

    private var bulkBytes: Int { isQuick ? 256 << 20 : 1 << 30 }

    private func rounds(_ count: Int, _ seconds: Double, budget: Double) -> Rounds {
        isQuick
            ? Rounds((count + 1) / 2, seconds: seconds * 0.33, budget: budget / 5)
            : Rounds(count, seconds: seconds, budget: budget)
    }
}
