// The rows of docs/DESIGN section 8 that `bench` can judge, each a limit on one comparison.

struct Gate: Codable {
    enum Outcome: String, Codable { case passed, missed, skipped }

    var name: String
    var limit: Double
    var measured: Double?
    var outcome: Outcome
    /// Why nothing was measured.
    var reason: String?

    init(_ name: String, atMost limit: Double, _ measured: Double?, reason: String? = nil) {
        self.name = name
        self.limit = limit
        self.measured = measured
        self.reason = reason
        guard let measured, measured.isFinite else {
            outcome = .skipped
            return
        }
        outcome = measured <= limit ? .passed : .missed
    }

    static func text(_ gates: [Gate]) -> String {
        let width = gates.map(\.name.count).max() ?? 0
        return gates.map { gate in
            let measured = gate.measured.map { Table.fixed($0, 3) } ?? "-"
            return "\(gate.outcome.rawValue)  \(gate.name.padded(to: width))  "
                + "\(measured.paddedLeft(to: 8)) <= \(Table.fixed(gate.limit, 2))"
                + (gate.reason.map { "  (\($0))" } ?? "")
        }.joined(separator: "\n")
    }

    static func evaluate(_ rows: [Row]) -> [Gate] {
        echoes(rows) + loops(rows) + datagrams(rows) + connections(rows) + timers(rows)
            + submits(rows)
            + bulk(rows) + children(rows)
    }

    private static func echoes(_ rows: [Row]) -> [Gate] {
        func ratio(_ workload: String, _ one: TCPImplementation, _ other: TCPImplementation)
            -> Double?
        {
            compare(rows, workload, one.rawValue, other.rawValue)
        }
        let main = TCPWorkload.name(connections: 50, size: 1024)
        let small = TCPWorkload.name(connections: 1000, size: 64)
        let large = TCPWorkload.name(connections: 8, size: 65_536)
        var extraUser: Double?
        if let reactor = rows.row(main, "reactor")?.user, let libuv = rows.row(main, "libuv")?.user
        {
            extraUser = reactor - libuv
        }
        return [
            Gate("\(main): read(into:) / libuv", atMost: 1.10, ratio(main, .reactor, .libuv)),
            Gate("\(main): read(into:) / NIO handlers", atMost: 0.90, ratio(main, .reactor, .nio)),
            Gate("\(main): read(into:) - libuv, user us", atMost: 0.6, extraUser),
            Gate("\(main): chunks / libuv", atMost: 1.15, ratio(main, .reactorChunks, .libuv)),
            Gate(
                "\(main): chunks / NIOAsyncChannel", atMost: 0.40,
                ratio(main, .reactorChunks, .nioAsync)),
            Gate(
                "\(main): chunks / NIOAsyncChannel, global", atMost: 0.55,
                ratio(main, .reactorChunks, .nioAsyncGlobal)),
            Gate("\(small): read(into:) / libuv", atMost: 1.15, ratio(small, .reactor, .libuv)),
            Gate("\(large): read(into:) / libuv", atMost: 1.08, ratio(large, .reactor, .libuv)),
            Gate(
                "\(main): async main / NIOAsyncChannel", atMost: 0.8,
                ratio(main, .reactorAsyncMain, .nioAsync)),
        ]
    }

    private static func loops(_ rows: [Row]) -> [Gate] {
        let name = LoopsWorkload.name(loops: 2)
        return [
            // At least 1.8 times the requests per second.
            Gate(
                "\(name): time per request, two / one", atMost: 1 / 1.8,
                compare(rows, name, "2 loops", "one loop"),
                reason: LoopsWorkload.obstacle(loops: 2))
        ]
    }

    private static func datagrams(_ rows: [Row]) -> [Gate] {
        let single = UDPWorkload.name(inFlight: 32)
        let many = UDPWorkload.name(inFlight: 256)
        return [
            Gate(
                "\(single): receive, send / libuv", atMost: 1.10,
                compare(rows, single, "reactor", "libuv")),
            Gate(
                "\(many): batches / libuv", atMost: 0.80,
                compare(rows, many, "reactor-batch", "libuv")),
            Gate(
                "\(many): batches / recvmmsg and sendmmsg in C", atMost: 1.10,
                compare(rows, many, "reactor-batch", "mmsg")),
        ]
    }

    private static func connections(_ rows: [Row]) -> [Gate] {
        [
            Gate(
                "idle: KiB per connection, chunks", atMost: 2.0,
                rows.row(IdleWorkload.name, "reactor-chunks")?.value),
            Gate(
                "churn: chunks / libuv", atMost: 1.25,
                compare(rows, ChurnWorkload.name, "reactor-chunks", "libuv")),
            Gate(
                "allocations per echo: read(into:)", atMost: 0,
                rows.row(AllocationsWorkload.name, "reactor")?.value),
            Gate(
                "allocations per echo: chunks", atMost: 1,
                rows.row(AllocationsWorkload.name, "reactor-chunks")?.value),
        ]
    }

    private static func timers(_ rows: [Row]) -> [Gate] {
        let cancel = TimersWorkload.name(.cancel)
        let fire = TimersWorkload.name(.fire)
        var share: Double?
        if let all = rows.row(cancel, "reactor"), let tasks = rows.row(cancel, "tasks-alone") {
            share = all.value - tasks.value
        }
        return [
            Gate(
                "\(cancel): reactor / Task.sleep", atMost: 0.4,
                compare(rows, cancel, "reactor", "task-sleep")),
            Gate("\(cancel): the queue's own share, us", atMost: 0.5, share),
            Gate("\(fire): s for 1,000,000", atMost: 6, rows.row(fire, "reactor")?.value),
        ]
    }

    private static func submits(_ rows: [Row]) -> [Gate] {
        let one = SubmitWorkload.name(inFlight: 1)
        let many = SubmitWorkload.name(inFlight: 100)
        return [
            Gate("\(one): reactor / libuv", atMost: 1.10, compare(rows, one, "reactor", "libuv")),
            Gate("\(many): reactor / NIO", atMost: 0.8, compare(rows, many, "reactor", "nio")),
        ]
    }

    private static func bulk(_ rows: [Row]) -> [Gate] {
        let bulk = BulkWorkload.Kind.bulk.rawValue
        let proxy = BulkWorkload.Kind.proxy.rawValue
        return [
            // At least 0.95 of its bytes per second.
            Gate(
                "\(bulk): time per byte, reactor / libuv", atMost: 1 / 0.95,
                compare(rows, bulk, "reactor", "libuv")),
            Gate(
                "\(proxy): CPU per byte, splice / copying", atMost: 0.6,
                compare(rows, proxy, "splice", "copying")),
        ]
    }

    private static func children(_ rows: [Row]) -> [Gate] {
        let (one, many) = (SpawnWorkload.name(atOnce: 1), SpawnWorkload.name(atOnce: 8))
        let (few, crowd) = (ExitsWorkload.name(alive: 100), ExitsWorkload.name(alive: 4000))
        var growth: Double?
        if let few = rows.row(few, "reactor"), let crowd = rows.row(crowd, "reactor") {
            growth = crowd.value / few.value
        }
        return [
            Gate(
                "\(one): reactor / posix_spawn", atMost: 1.10,
                compare(rows, one, "reactor", "posix-spawn")),
            Gate(
                "\(many): reactor / posix_spawn", atMost: 1.10,
                compare(rows, many, "reactor", "posix-spawn")),
            Gate("\(crowd) / \(few)", atMost: 1.2, growth),
            Gate(
                "\(PipeWorkload.name): reactor / read in C", atMost: 1.10,
                compare(rows, PipeWorkload.name, "reactor", "posix")),
            Gate(
                "\(LatenessWorkload.name): reactor / libuv", atMost: 1.0 / 3,
                compare(rows, LatenessWorkload.name, "reactor", "libuv")),
        ]
    }

    private static func compare(
        _ rows: [Row], _ workload: String, _ one: String, _ other: String
    ) -> Double? {
        guard let one = rows.row(workload, one), let other = rows.row(workload, other) else {
            return nil
        }
        return [Row].ratio(one, other)
    }
}
