// Which address of a host is tried when: the decisions of RFC 8305, without sockets or clocks.

/// Races the addresses of a host, by what it is told and the time it is given.
///
/// The families take turns, beginning with that of the first address. An attempt has the others
/// wait for `delay`; when it fails the next one begins at once, and with a delay of its own. The
/// first connection ends the race. A resolver gives all addresses at once (`getaddrinfo` waits for
/// both families), so there is no resolution delay to keep (RFC 8305, section 3).
struct HappyEyeballs {
    /// What its owner is to do next.
    enum Action: Equatable {
        case wait
        /// Begin to connect to the address of this number, and tell how that ends.
        case attempt(Int)
        /// The attempt of this number has won: those in `pending` are given up.
        case win(Int)
        /// No address is left, or none can help: those in `pending` are given up.
        case fail(ReactorError)
    }

    /// In the order of the attempts.
    let addresses: [SocketAddress]
    private let target: String
    private let delay: Duration

    /// Attempts under way.
    private(set) var pending: Set<Int> = []
    /// When `delayPassed` is to be called; `nil` where nothing waits for that.
    private(set) var nextAttempt: MonotonicTime?
    private var begun = 0
    private var failures: [(attempt: Int, error: ReactorError)] = []
    private var isOver = false

    /// - Parameters:
    ///   - found: The addresses of the host, at least one, the preferred one first.
    ///   - target: The host, for the error.
    ///   - delay: The time between attempts; RFC 8305 allows no less than 10 ms.
    init(_ found: [SocketAddress], of target: String, delay: Duration) {
        addresses = Self.interleaved(found)
        self.target = target
        self.delay = max(delay, .milliseconds(10))
    }

    /// The same addresses with the families taking turns, each in its own order; none twice.
    static func interleaved(_ found: [SocketAddress]) -> [SocketAddress] {
        var seen: Set<SocketAddress> = []
        var families: [SocketAddress.Family] = []
        var byFamily: [SocketAddress.Family: [SocketAddress]] = [:]
        for address in found where seen.insert(address).inserted {
            if byFamily[address.family] == nil { families.append(address.family) }
            byFamily[address.family, default: []].append(address)
        }
        var ordered: [SocketAddress] = []
        for place in 0..<(byFamily.values.map(\.count).max() ?? 0) {
            for family in families {
                if let list = byFamily[family], place < list.count { ordered.append(list[place]) }
            }
        }
        return ordered
    }

    // MARK: What happens

    /// The race begins.
    mutating func begin(_ now: MonotonicTime) -> Action { next(now) }

    /// The first attempt has had its time.
    mutating func delayPassed(_ now: MonotonicTime) -> Action {
        guard !isOver, let due = nextAttempt, due <= now else { return .wait }
        return next(now)
    }

    /// An attempt has failed.
    mutating func failed(
        _ attempt: Int, _ error: ReactorError, _ now: MonotonicTime
    ) -> Action {
        guard !isOver, pending.remove(attempt) != nil else { return .wait }
        failures.append((attempt, error))
        // What the caller or the loop did wrong is so for every address.
        if error.code == .invalidArgument || error.code == .loopClosed { return end(.fail(error)) }
        if begun < addresses.count { return next(now) }
        return pending.isEmpty ? end(.fail(summary)) : .wait
    }

    /// An attempt stands.
    mutating func connected(_ attempt: Int) -> Action {
        guard !isOver, pending.remove(attempt) != nil else { return .wait }
        return end(.win(attempt))
    }

    private mutating func next(_ now: MonotonicTime) -> Action {
        let attempt = begun
        begun += 1
        pending.insert(attempt)
        nextAttempt = begun < addresses.count ? now.advanced(by: delay) : nil
        return .attempt(attempt)
    }

    private mutating func end(_ action: Action) -> Action {
        isOver = true
        nextAttempt = nil
        return action
    }

    // MARK: The error

    /// One failure is its own; several are told in the order of the attempts.
    private var summary: ReactorError {
        let told = failures.sorted { $0.attempt < $1.attempt }
        // `max` would give the last of equals.
        var telling = told[0].error
        for failure in told where Self.rank(failure.error) > Self.rank(telling) {
            telling = failure.error
        }
        let list = told.map { "\(addresses[$0.attempt]) \($0.error.code)" }
        return ReactorError(
            telling.code, "connect to \(target), tried \(list.joined(separator: "; "))")
    }

    /// How much a failure says: that there is no way to a family least, what this machine lacks
    /// most.
    private static func rank(_ error: ReactorError) -> Int {
        switch error.code {
        case .networkUnreachable, .hostUnreachable, .addressNotAvailable, .familyNotSupported: 0
        case .timedOut: 1
        case .connectionRefused, .connectionReset, .connectionAborted: 2
        default: 3
        }
    }
}
