// What a workload is, and the list of those that `bench` runs.

/// Something measured for several implementations in one run, so that they can be compared.
protocol Workload {
    var name: String { get }
    var implementations: [String] { get }
    func measure(progress: Progress) throws -> [Row]
}

/// What `bench` alone runs. The sum of the seconds stays under three minutes, or 45 seconds.
struct Plan {
    let isQuick: Bool

    var workloads: [any Workload] {
        let rounds = isQuick ? 4 : 8
        let seconds = isQuick ? 0.2 : 0.5
        return [
            TCPWorkload(
                connections: 50, size: 1024, rounds: rounds, seconds: seconds,
                implementations: TCPImplementation.allCases),
            TCPWorkload(
                connections: 1000, size: 64, rounds: rounds, seconds: seconds,
                implementations: [.libuv, .reactor, .reactorChunks]),
            TCPWorkload(
                connections: 8, size: 65_536, rounds: rounds, seconds: seconds,
                implementations: [.libuv, .reactor, .reactorChunks]),
            ChurnWorkload(rounds: isQuick ? 4 : 6, seconds: isQuick ? 0.15 : 0.4),
            IdleWorkload(connections: isQuick ? 2000 : 5000),
            AllocationsWorkload(requestsEach: isQuick ? 100 : 400),
            TimersWorkload(
                mode: .cancel, count: isQuick ? 200_000 : 1_000_000, rounds: 1,
                implementations: TimersImplementation.allCases),
            TimersWorkload(
                mode: .fire, count: 1_000_000, rounds: 1,
                implementations: [.libuv, .reactor]),
            SubmitWorkload(inFlight: 1, rounds: isQuick ? 3 : 5),
            SubmitWorkload(inFlight: 100, rounds: isQuick ? 3 : 5),
        ]
    }
}
