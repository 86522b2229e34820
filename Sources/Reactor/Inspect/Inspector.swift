// What runs in this process, told to whoever asks over a Unix socket.

public import SystemPackage

extension EventLoop {
    /// Answers questions about every loop of this process on a Unix socket at `path`, until it is
    /// cancelled: what `reactor-top` connects to.
    ///
    /// Nothing listens, and nothing is collected, without this call. The socket's file gets mode
    /// 0600, and who connects is asked for the user that they run as: all but this process's own
    /// user and the superuser are turned away. It runs on a loop and thread of its own, so that it
    /// answers when every other loop is held up, and says so.
    ///
    /// A question is a line, the answer another: `snapshot`, or `snapshot 100` for lists of at most
    /// a hundred entries, is answered with one line of JSON, `{"pid":…,"loops":[…]}`, each loop as
    /// in ``LoopSnapshot/json``; anything else with `{"error":…}`. A client may ask as often as it
    /// likes, and finishes by closing.
    ///
    /// ```swift
    /// EventLoop.current?.spawn(name: "inspector") {
    ///     try await EventLoop.serveInspector(at: "/run/app/inspector.socket")
    /// }
    /// ```
    ///
    /// Suspends until it is cancelled; the file is gone then.
    ///
    /// - Throws: As ``UnixListener/bind(path:mode:backlog:options:)``; `CancellationError`.
    ///
    /// libuv: `uv_pipe_bind`, `uv_listen`; SO_PEERCRED.
    public static func serveInspector(at path: FilePath) async throws {
        try await Inspector.serve(at: SocketAddress(path: path), admits: Inspector.isOwn)
    }

    /// The same, at a path that is a string.
    ///
    /// - Throws: As ``serveInspector(at:)-(FilePath)``; ``ReactorError/Code/invalidArgument`` for a
    ///   path that holds a zero byte.
    public static func serveInspector(at path: String) async throws {
        try await Inspector.serve(at: SocketAddress(path: path), admits: Inspector.isOwn)
    }
}

/// One run of `serveInspector`.
enum Inspector {
    /// The most that a question may be.
    private static let questionLimit = 1_024
    private static let entryLimit = 10_000

    /// Who may ask.
    @Sendable static func isOwn(_ user: UInt32) -> Bool { user == Surroundings.user || user == 0 }

    static func serve(
        at address: SocketAddress, admits: @escaping @Sendable (_ user: UInt32) -> Bool
    ) async throws {
        try Task.checkCancellation()
        let group = try EventLoopGroup(count: 1, name: "inspector", grace: .seconds(1))
        let loop = group.loops[0]
        let outcome: Result<Void, any Error>
        do {
            try await loop.submit(name: "inspector") {
                let listener = try await UnixListener.bind(
                    to: address, mode: [.ownerRead, .ownerWrite])
                try await listener.serve(limit: 16, drain: .zero) { stream in
                    try await answer(stream, admits, but: loop)
                }
            }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await group.shutdown()
        try outcome.get()
    }

    private static func answer(
        _ stream: UnixStream, _ admits: @Sendable (UInt32) -> Bool, but own: EventLoop
    ) async throws {
        let peer = try await stream.peerCredentials()
        guard admits(peer.userID) else {
            Log.logger.warning("inspector: user \(peer.userID) was turned away")
            return try await stream.write(error("not your process") + "\n")
        }
        let reader = BufferedReader(stream)
        while let question = try await reader.readLine(limitBytes: questionLimit) {
            try await stream.write(await answer(to: question, but: own) + "\n")
        }
    }

    private static func answer(to question: String, but own: EventLoop) async -> String {
        let words = question.split(separator: " ")
        guard words.first == "snapshot", words.count <= 2 else {
            return error("ask `snapshot`, or `snapshot LIMIT`")
        }
        var limit = entryLimit
        if words.count == 2 {
            guard let own = Int(words[1]), own >= 0 else { return error("no limit: \(words[1])") }
            limit = own
        }
        return JSONText.encode(await ProcessSnapshot(limit: limit, but: own))
    }

    private static func error(_ text: String) -> String {
        JSONText.encode(["error": text])
    }
}

/// All loops of a process.
package struct ProcessSnapshot: Sendable, Codable {
    /// The process.
    package var pid: Int32
    /// Its program.
    package var program: String
    /// Processor time that it has used.
    package var cpuSeconds: Double
    /// Memory that it holds.
    package var residentBytes: Int
    /// Work for threads that may block, on the shared pool.
    package var blocking: [String: Int]
    package var loops: [LoopSnapshot]

    /// Asks all of them at once.
    init(limit: Int, but own: EventLoop) async {
        pid = Surroundings.processID
        program = Surroundings.programName
        let usage = Surroundings.usage
        cpuSeconds = usage.cpuSeconds
        residentBytes = usage.residentBytes
        let pool = BlockingPool.shared.statistics
        blocking = [
            "threads": pool.threads, "queued": pool.queued, "running": pool.running,
            "abandoned": pool.abandoned,
        ]
        let others = EventLoop.running.filter { $0 != own }
        loops = await withTaskGroup { group in
            for loop in others {
                // One that has ended meanwhile is left out.
                group.addTask { try? await loop.snapshot(limit: limit) }
            }
            var taken: [LoopSnapshot] = []
            for await case let snapshot? in group { taken.append(snapshot) }
            return taken.sorted { $0.id < $1.id }
        }
    }
}
