// From a command to its child, off the loop.

/// A child that runs, with this process's ends of its pipes. Whoever has it ends it, or passes it
/// on.
struct Launched: Sendable {
    struct Ends: Sendable {
        var input: Descriptor?
        var output: Descriptor?
        var error: Descriptor?
        var terminal: Descriptor?

        mutating func close() {
            for descriptor in [input, output, error, terminal] { descriptor?.close() }
            self = Ends()
        }
    }

    let child: ChildHandle
    var ends: Ends
    /// Where libuv watches it.
    let exit: Unchecked<UVProcess>?

    init(_ child: ChildHandle, _ preparation: Preparation, _ exit: UVProcess? = nil) {
        self.child = child
        self.exit = exit.map { Unchecked($0) }
        ends = Ends(
            input: preparation.input, output: preparation.output, error: preparation.error,
            terminal: preparation.terminal)
    }

    func ownership(_ command: Command, _ isScoped: Bool) -> ProcessCore.Ownership {
        let leads = command.newSession || command.terminal != nil || command.processGroup == .new
        return .init(isChild: true, leadsGroup: leads, isScoped: isScoped)
    }

    /// Leaves nothing of it.
    func discard() {
        var ends = ends
        ends.close()
        child.killAndReap()
    }
}

enum Spawner {
    /// Of its own: opening files and `exec` may block, and must hold up neither a loop nor
    /// anybody's blocking work.
    static let pool = BlockingPool(name: "reactor-spawn", maxThreads: 8)

    /// For children that are to die with their parent, which to the kernel is the thread that
    /// started them: this one never leaves.
    private static let lasting = BlockingPool(
        name: "reactor-spawn", maxThreads: 1, idleLimit: .seconds(1_000_000_000))

    /// `uv`, `thread` or nothing: which of the ways is taken.
    static let forced = Surroundings.variable("REACTOR_SPAWN")
    static let usesUV = forced == "uv" || !Surroundings.hasClone

    /// Starts a child whose streams are all settled. Nothing is left if this throws.
    static func launch(_ command: Command, isScoped: Bool) async throws -> ChildProcess {
        try Task.checkCancellation()
        try command.check()
        let loop = try EventLoop.forNewObjects()
        if usesUV { return try await launchByUV(command, isScoped, on: loop) }
        if mayStartBeside(command, loop),
            let child = try await launchBeside(command, isScoped, on: loop)
        {
            return child
        }
        let pool = command.parentDeathSignal == nil ? pool : lasting
        let launched = try await blocking(on: pool) { () throws in
            try start(command)
        }
        return try await loop.make {
            try ChildProcess(launched, command, isScoped: isScoped, on: loop)
        } ifEnded: {
            launched.discard()
        }
    }

    /// On the pool's thread.
    private static func start(_ command: Command) throws -> Launched {
        var preparation = try Preparation(command)
        do {
            let child = try preparation.request.start()
            preparation.closeChildSide()
            let launched = Launched(child, preparation)
            if Task.isCancelled {
                launched.discard()
                throw CancellationError()
            }
            return launched
        } catch let failure as SpawnRequest.Failure {
            let request = preparation.request
            preparation.closeAll()
            throw command.error(failure, in: request)
        }
    }
}
