// Commands connected by pipes, each reading what the one before it writes.

/// Commands that run together, the output of each being the input of the next.
///
/// `Command("ls", "-l") | Command("sort")`. The pipes run from child to child: nothing of what they
/// carry passes through this process.
public struct Pipeline: Sendable {
    /// The commands, the first one first.
    public var commands: [Command]

    /// Connects `commands`, of which there is at least one.
    public init(_ commands: [Command]) { self.commands = commands }

    /// Connects `commands`, of which there is at least one.
    public init(_ commands: Command...) { self.commands = commands }

    /// Runs all of them and returns what the last one wrote, what each complained of, and how each
    /// ended.
    ///
    /// A command that ends early, or fails, is no error: look at the statuses. One that writes to a
    /// command which has ended dies of SIGPIPE, as in a shell. Suspends until all have ended.
    /// Cancelling ends all: SIGTERM, then SIGKILL after `grace`.
    ///
    /// - Throws: As ``Command/output(limitBytes:atLimit:grace:)``, of the first command that cannot
    ///   be started or says too much; none is left then. ``ReactorError/Code/invalidArgument`` for
    ///   no commands.
    ///
    /// libuv: `uv_spawn`, here `clone` and `execve`.
    public func output(
        limitBytes: Int = 1 << 20, atLimit: Command.LimitPolicy = .fail,
        grace: Duration = .seconds(5)
    ) async throws -> PipelineOutput {
        try Task.checkCancellation()
        guard !commands.isEmpty else { throw ReactorError(.invalidArgument, "run no commands") }
        for command in commands { try command.check() }
        let joints = try Joints(commands.count - 1)
        var connected = commands
        for index in connected.indices {
            if index > 0 { connected[index].standardInput = joints.input(of: index) }
            if index < connected.count - 1 {
                connected[index].standardOutput = joints.output(of: index)
            }
        }
        let parts = connected
        let results = try await withThrowingTaskGroup(of: (Int, CommandOutput).self) { group in
            for (index, command) in parts.enumerated() {
                group.addTask {
                    let output = try await command.output(
                        limitBytes: limitBytes, atLimit: atLimit, grace: grace
                    ) { joints.started(index) }
                    return (index, output)
                }
            }
            var results: [Int: CommandOutput] = [:]
            for try await (index, output) in group { results[index] = output }
            return results
        }
        return PipelineOutput(commands: parts.indices.map { results[$0]! })
    }
}

/// The result of a pipeline.
public struct PipelineOutput: Sendable, Hashable {
    /// Of each command, the first one first; only the last has a standard output.
    public var commands: [CommandOutput]

    /// How each ended.
    public var statuses: [ExitStatus] { commands.map(\.status) }
    /// What the last one wrote.
    public var standardOutput: [UInt8] { commands.last?.standardOutput ?? [] }
    /// What the last one wrote, as text; what is not valid UTF-8 is repaired.
    public var text: String { commands.last?.text ?? "" }
}

extension Command {
    /// Two commands, the output of one being the input of the other.
    public static func | (left: Command, right: Command) -> Pipeline { Pipeline([left, right]) }
}

extension Pipeline {
    /// One more command, reading what the last one writes.
    public static func | (left: Pipeline, right: Command) -> Pipeline {
        Pipeline(left.commands + [right])
    }
}

/// The pipes between commands. Each end is closed here once its command has it, or cannot have it:
/// a reader hears of the end only when nobody holds the other side.
private final class Joints: Sendable {
    private struct Joint {
        var reader: Descriptor?
        var writer: Descriptor?
    }

    private let joints: Locked<[Joint]>

    init(_ count: Int) throws(ReactorError) {
        var made: [Joint] = []
        do throws(ReactorError) {
            for _ in 0..<count {
                let (reader, writer) = try Descriptor.childPipe()
                made.append(Joint(reader: reader, writer: writer))
            }
        } catch {
            for joint in made {
                joint.reader?.close()
                joint.writer?.close()
            }
            throw error
        }
        joints = Locked(made)
    }

    func input(of index: Int) -> StandardIO {
        StandardIO(kind: .descriptor(joints.withLock { $0[index - 1].reader!.number }))
    }

    func output(of index: Int) -> StandardIO {
        StandardIO(kind: .descriptor(joints.withLock { $0[index].writer!.number }))
    }

    func started(_ index: Int) {
        joints.withLock { joints in
            if index > 0 { joints[index - 1].reader.take()?.close() }
            if index < joints.count { joints[index].writer.take()?.close() }
        }
    }

    deinit {
        joints.withLock { joints in
            for joint in joints {
                joint.reader?.close()
                joint.writer?.close()
            }
        }
    }
}
