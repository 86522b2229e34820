// A command made ready: its program looked up, its files, pipes and terminal open.

/// What stands between a command and its child. Whoever has it closes what it names.
struct Preparation: Sendable {
    var request: SpawnRequest
    /// This process's ends, by the child's descriptor.
    var input: Descriptor?
    var output: Descriptor?
    var error: Descriptor?
    var terminal: Descriptor?
    /// Closed once the child has them.
    private var childSide: [Descriptor] = []

    /// Opens what the command names; may block. Nothing is open if this throws.
    init(_ command: Command) throws(ReactorError) {
        request = SpawnRequest(
            name: command.program, programs: [],
            arguments: [command.name ?? command.program] + command.arguments)
        request.directory = command.directory?.string
        request.umask = command.umask.map(UInt32.init)
        request.niceness = command.niceness.map(Int32.init)
        request.deathSignal = command.parentDeathSignal?.rawValue
        request.newSession = command.newSession || command.terminal != nil
        request.limits = command.limits.map {
            .init(
                resource: $0.resource, soft: $0.soft ?? LimitNumber.infinity,
                hard: $0.hard ?? LimitNumber.infinity)
        }
        switch command.processGroup {
        case .inherit: break
        case .new: request.processGroup = 0
        case .join(let group): request.processGroup = group
        }
        setEnvironment(command)
        try setUser(command)
        do throws(ReactorError) { try open(command) } catch {
            closeAll()
            throw error
        }
    }

    // MARK: Words

    private mutating func setEnvironment(_ command: Command) {
        var path: String?
        switch command.environment {
        case .inherit: path = Surroundings.variable("PATH")
        case .replace(let variables):
            request.environment = variables.map { "\($0.key)=\($0.value)" }
            path = variables["PATH"]
        case .update(let changes):
            var variables: [String] = []
            for (key, value) in Surroundings.variables where !changes.keys.contains(key) {
                variables.append("\(key)=\(value)")
                if key == "PATH" { path = value }
            }
            for case (let key, let value?) in changes {
                variables.append("\(key)=\(value)")
                if key == "PATH" { path = value }
            }
            request.environment = variables
        }
        request.programs = Self.candidates(command.program, path)
    }

    /// Where a program may be: as `execvp` looks, an empty entry being the child's directory.
    static func candidates(_ program: String, _ path: String?) -> [String] {
        if program.utf8.contains(UInt8(ascii: "/")) { return [program] }
        let places = (path ?? "/bin:/usr/bin").split(
            separator: ":", omittingEmptySubsequences: false)
        return places.map { $0.isEmpty ? "./\(program)" : "\($0)/\(program)" }
    }

    private mutating func setUser(_ command: Command) throws(ReactorError) {
        switch command.user?.kind {
        case nil: break
        case .id(let user, let group, let groups):
            (request.user, request.group, request.groups) = (user, group, groups)
        case .name(let name):
            guard let entry = try SystemUser.find(name) else {
                throw ReactorError(
                    .invalidArgument, "run \(command.shownProgram) as \(name): no such user")
            }
            (request.user, request.group) = (entry.user, entry.group)
            request.groups = entry.groups
        }
    }

    // MARK: Descriptors

    private mutating func open(_ command: Command) throws(ReactorError) {
        var terminalSide: Descriptor?
        if let size = command.terminal {
            let (controller, other) = try Descriptor.terminal(
                rows: size.rows, columns: size.columns)
            terminal = controller
            childSide.append(other)
            terminalSide = other
        }
        let streams = [command.standardInput, command.standardOutput, command.standardError]
        for (number, stream) in streams.enumerated() {
            let number = Int32(number)
            let kind = stream?.kind ?? (terminalSide == nil ? .inherit : .terminal)
            if case .terminal = kind, request.terminal == nil { request.terminal = number }
            let source: Int32?
            do throws(ReactorError) {
                source = try self.source(kind, for: number, terminalSide)
            } catch {
                throw ReactorError(
                    error.code,
                    "run \(command.shownProgram): \(error.operation)"
                        + " as its \(Command.streamName(number))")
            }
            var move = SpawnRequest.Move(source: source, target: number)
            if case .inherit = kind { move.inherits = true }
            request.moves.append(move)
        }
        for (target, descriptor) in command.descriptors {
            request.moves.append(.init(source: descriptor.rawValue, target: target))
        }
    }

    /// What becomes the child's `number`; `nil` for nothing.
    private mutating func source(
        _ kind: StandardIO.Kind, for number: Int32, _ terminalSide: Descriptor?
    ) throws(ReactorError) -> Int32? {
        switch kind {
        case .inherit: return number
        case .null: return nil
        case .terminal: return terminalSide?.number
        case .descriptor(let source): return source
        case .standardOutput:
            let output = request.moves[1].source
            // Closed here: the child has nothing there.
            return output == 1 && !Descriptor(number: 1).isOpen ? nil : output
        case .file(let path, let use):
            let file = try Descriptor.file(path.string, number == 0 ? .read : use)
            childSide.append(file)
            return file.number
        case .pipe, .bytes, .reader:
            let (reader, writer) = try Descriptor.childPipe()
            childSide.append(number == 0 ? reader : writer)
            switch number {
            case 0: input = writer
            case 1: output = reader
            default: error = reader
            }
            return number == 0 ? reader.number : writer.number
        }
    }

    mutating func closeChildSide() {
        for descriptor in childSide { descriptor.close() }
        childSide = []
    }

    mutating func closeAll() {
        closeChildSide()
        for descriptor in [input, output, error, terminal] { descriptor?.close() }
        (input, output, error, terminal) = (nil, nil, nil, nil)
    }
}
