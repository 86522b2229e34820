// What is refused before anything is made, and the words for what the system refused.

extension Command {
    /// Throws for what cannot be asked of the system, by the name of the field.
    func check() throws(ReactorError) {
        try checkWords()
        try checkEnvironment()
        try checkStreams()
        for (number, descriptor) in descriptors {
            guard (3...65_535).contains(number) else {
                throw refusal("descriptor \(number): from 3 on is possible")
            }
            try checkOpen(descriptor.rawValue, "descriptor \(number)")
        }
        if terminal != nil, case .join = processGroup {
            throw refusal("a terminal in another's process group")
        }
        if newSession || terminal != nil, case .join = processGroup {
            throw refusal("a session of its own in another's process group")
        }
        if case .join(let group) = processGroup, group < 1 {
            throw refusal("process group \(group)")
        }
        if let niceness, !(-20...19).contains(niceness) {
            throw refusal("niceness \(niceness): -20 to 19 is possible")
        }
        if let umask, umask > 0o777 { throw refusal("umask 0\(String(umask, radix: 8))") }
        if let parentDeathSignal, !(1...64).contains(parentDeathSignal.rawValue) {
            throw refusal("parent-death signal \(parentDeathSignal.rawValue)")
        }
        if case .name(let name) = user?.kind, name.isEmpty || name.utf8.contains(0) {
            throw refusal("a user called \(name.debugDescription)")
        }
    }

    private func checkWords() throws(ReactorError) {
        if program.utf8.isEmpty { throw ReactorError(.noSuchFile, "run a program without a name") }
        if program.utf8.contains(0) { throw refusal("a program with a NUL byte") }
        for (index, argument) in arguments.enumerated() where argument.utf8.contains(0) {
            throw refusal("argument \(index + 1) with a NUL byte: \(Self.shown(argument))")
        }
        if let name, name.utf8.contains(0) { throw refusal("a name with a NUL byte") }
        if let directory {
            if directory.isEmpty { throw refusal("a directory without a name") }
            if directory.string.utf8.contains(0) { throw refusal("a directory with a NUL byte") }
        }
    }

    private func checkEnvironment() throws(ReactorError) {
        switch environment {
        case .inherit: break
        case .replace(let variables):
            for (key, value) in variables { try checkVariable(key, value) }
        case .update(let variables):
            for (key, value) in variables { try checkVariable(key, value ?? "") }
        }
    }

    private func checkVariable(_ key: String, _ value: String) throws(ReactorError) {
        let bytes = key.utf8
        if bytes.isEmpty || bytes.contains(0) || bytes.contains(UInt8(ascii: "=")) {
            throw refusal("an environment variable called \(Self.shown(key))")
        }
        if value.utf8.contains(0) {
            throw refusal("environment variable \(Self.shown(key)) with a NUL byte")
        }
    }

    private func checkStreams() throws(ReactorError) {
        for (index, stream) in [standardInput, standardOutput, standardError].enumerated() {
            let name = Self.streamName(Int32(index))
            switch stream?.kind {
            case .terminal where terminal == nil:
                throw refusal("the terminal as \(name): it has none")
            case .standardOutput where index != 2:
                throw refusal("the standard output as \(name)")
            case .bytes where index != 0, .reader where index != 0:
                throw refusal("an input as \(name)")
            case .file(let path, let use):
                if path.isEmpty || path.string.utf8.contains(0) {
                    throw refusal("a file as \(name) with an empty name, or a NUL byte in it")
                }
                if index == 0, case .append = use { throw refusal("a file to append to as input") }
            case .descriptor(let number): try checkOpen(number, name)
            default: break
            }
        }
    }

    private func checkOpen(_ number: Int32, _ name: String) throws(ReactorError) {
        guard Descriptor(number: number).isOpen else {
            throw ReactorError(
                .badDescriptor, "run \(shownProgram) with descriptor \(number) as its \(name)")
        }
    }

    private func refusal(_ what: String) -> ReactorError {
        ReactorError(.invalidArgument, "run \(shownProgram) with \(what)")
    }

    /// The program as errors name it.
    var shownProgram: String {
        let bytes = program.utf8
        return bytes.contains(0) || bytes.contains(10) || bytes.count > 200
            ? Self.shown(program) : program
    }

    /// May be anything, of any length.
    private static func shown(_ text: String) -> String {
        text.count > 60 ? String(text.prefix(60)).debugDescription + "…" : text.debugDescription
    }

    static func streamName(_ number: Int32) -> String {
        switch number {
        case 0: "standard input"
        case 1: "standard output"
        case 2: "standard error"
        default: "descriptor \(number)"
        }
    }
}

extension Command {
    /// What the system did not like, for a person.
    func error(_ failure: SpawnRequest.Failure, in request: SpawnRequest) -> ReactorError {
        ReactorError(.init(rawValue: -failure.errno), words(failure, request))
    }

    private func words(_ failure: SpawnRequest.Failure, _ request: SpawnRequest) -> String {
        let run = "run \(shownProgram)"
        switch failure.step {
        case .program(let index): return programWords(failure.errno, index, request)
        case .directory: return "\(run) in the directory \(request.directory ?? "")"
        case .descriptor(let index) where request.moves.indices.contains(index):
            return "\(run): place its \(Self.streamName(request.moves[index].target))"
        case .limit(let index) where limits.indices.contains(index):
            let limit = limits[index]
            let value = limit.soft.map { String($0) } ?? "unlimited"
            return "\(run): limit its \(limit.name) to \(value)"
        case .descriptor, .limit, .closing: return "\(run): prepare its descriptors"
        case .fork: return "\(run): start a process"
        case .watch: return "\(run): watch its process"
        case .session: return "\(run) in a session of its own"
        case .processGroup: return "\(run) in its process group"
        case .terminal: return "\(run) on its terminal"
        case .niceness: return "\(run) at niceness \(niceness ?? 0)"
        case .groups: return "\(run) with its user's groups"
        case .group: return "\(run) as group \(request.group ?? 0)"
        case .user: return "\(run) as user \(request.user ?? 0)"
        case .deathSignal: return "\(run): set its parent-death signal"
        }
    }

    /// Where a program was looked for; a PATH may be very long.
    private static func nowhere(_ places: [String]) -> String {
        let shown = places.prefix(4).map { Self.shown(path: $0) }.joined(separator: ":")
        if places.count <= 4 { return "in none of \(shown)" }
        return "in none of \(shown) and \(places.count - 4) more places of its PATH"
    }

    private static func shown(path: String) -> String {
        path.utf8.count > 60 || path.utf8.contains(10) ? shown(path) : path
    }

    private func programWords(_ errno: Int32, _ index: Int, _ request: SpawnRequest) -> String {
        let run = "run \(shownProgram)"
        let code = ReactorError.Code(rawValue: -errno)
        let isSearched = !program.utf8.contains(UInt8(ascii: "/"))
        let path = request.programs.indices.contains(index) ? request.programs[index] : program
        if code == .argumentsTooLong {
            let size = (request.arguments + (request.environment ?? []))
                .reduce(0) { $0 + $1.utf8.count + 1 }
            return "\(run) with \(size) bytes of arguments and environment"
        }
        if code == .noSuchFile, isSearched {
            let places = request.programs.map { String($0.dropLast(program.count + 1)) }
            let hint = program.contains(" ") ? " (arguments are given apart from it)" : ""
            return "\(run), which is \(Self.nowhere(places))\(hint)"
        }
        if code == .programBusy { return "run \(path), which somebody has open for writing" }
        // A relative path is the child's, and is not looked up from here.
        let isKnown = path.hasPrefix("/") || request.directory == nil
        switch isKnown ? Surroundings.kind(of: path) : .missing {
        case .directory: return "run \(path), which is a directory"
        case .program where code == .noSuchFile:
            return "run \(path), whose interpreter or loader is missing"
        case .program where code == .notExecutable:
            return Surroundings.isScript(path)
                ? "run \(path), whose interpreter is no program"
                : "run \(path), which is neither a program nor begins with a #! line"
        case .other where code == .accessDenied: return "run \(path), which is not executable"
        default: return isSearched ? "run \(path)" : run
        }
    }
}
