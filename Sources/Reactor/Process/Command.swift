// A program to run, and how: a value, to be run as often as one likes.

public import SystemPackage

/// A program and everything about the child that will run it.
///
/// ```swift
/// let result = try await Command("git", "status").output()
/// let status = try await Command("ffmpeg", arguments).run { child in
///     for try await line in child.standardOutput.lines() { print(line) }
/// }
/// ```
///
/// There is no shell in between: arguments reach the program as they are. What cannot be is refused
/// with an error that names it before anything is started; what the system refuses is thrown with
/// the program, directory, descriptor, user or limit that it did not like, and nothing is left.
public struct Command: Sendable {
    /// The program: a path if it has a slash, else a name to be looked for in the `PATH` that the
    /// child gets.
    ///
    /// A relative path is the child's: from its ``directory``.
    public var program: String
    /// What the program gets, without its own name.
    public var arguments: [String]
    /// What the program is told it was called, where that is not ``program``.
    public var name: String?
    /// The child's environment: by default this process's own.
    public var environment = Environment.inherit
    /// The directory that the child starts in; this process's own where it is `nil`.
    public var directory: FilePath?

    /// What the child reads.
    ///
    /// `nil`: a pipe in ``run(grace:_:)``, nothing in ``output(limitBytes:atLimit:grace:)``,
    /// inherited in ``spawn()``; the terminal where there is one.
    public var standardInput: StandardIO?
    /// Where the child writes.
    ///
    /// `nil`: a pipe in ``run(grace:_:)`` and ``output(limitBytes:atLimit:grace:)``, inherited in
    /// ``spawn()``; the terminal where there is one.
    public var standardOutput: StandardIO?
    /// Where the child complains.
    ///
    /// `nil`: inherited, but a pipe in ``output(limitBytes:atLimit:grace:)``; the terminal where
    /// there is one.
    public var standardError: StandardIO?
    /// Further descriptors by their number in the child, from 3 on.
    ///
    /// No other is passed on.
    public var descriptors: [Int32: FileDescriptor] = [:]
    /// Gives the child a pseudo-terminal of this size, a session of its own, and what is not said
    /// otherwise of its three streams.
    public var terminal: TerminalSize?

    /// Starts the child in a session of its own, without a terminal.
    public var newSession = false
    /// The process group of the child.
    ///
    /// One that it leads is signalled as a whole.
    public var processGroup = ProcessGroup.inherit
    /// Who the child is.
    public var user: User?
    /// The child's limits, where they are not this process's.
    public var limits: [ResourceLimit] = []
    /// From -20, urgent, to 19, patient.
    public var niceness: Int?
    /// The permissions that files the child makes do not get.
    public var umask: UInt16?
    /// Sent to the child when this process ends, however it does.
    public var parentDeathSignal: Signal?
    /// How long the child's outputs may go on after its end.
    ///
    /// What the child has started may hold them open, for ever: a daemon does. Readers get all that
    /// the child has written, and then the end.
    public var outputGrace: Duration = .milliseconds(500)

    /// Where in the source it was made.
    let place: PlaceID

    /// A program, with its arguments.
    public init(
        _ program: String, _ arguments: String..., fileID: String = #fileID, line: Int = #line
    ) {
        self.init(program, arguments, fileID: fileID, line: line)
    }

    /// A program, with its arguments as an array.
    public init(
        _ program: String, _ arguments: [String], fileID: String = #fileID, line: Int = #line
    ) {
        place = PlaceID(fileID, line)
        self.program = program
        self.arguments = arguments
    }

    /// A program by its path, with its arguments.
    @_disfavoredOverload
    public init(
        _ program: FilePath, _ arguments: [String] = [], fileID: String = #fileID,
        line: Int = #line
    ) {
        // A path without a slash is one all the same.
        let path = program.string
        self.init(
            path.utf8.contains(UInt8(ascii: "/")) ? path : "./\(path)", arguments,
            fileID: fileID, line: line)
    }

    /// A copy, changed.
    ///
    /// `Command("make").with { $0.directory = "/src" }`.
    public func with(_ change: (inout Command) throws -> Void) rethrows -> Command {
        var copy = self
        try change(&copy)
        return copy
    }
}

extension Command {
    /// Where a child's environment comes from.
    public enum Environment: Hashable, Sendable {
        /// This process's own, as it is then.
        case inherit
        /// These variables and no others.
        case replace([String: String])
        /// This process's own with these set, or taken out where the value is `nil`.
        case update([String: String?])
    }

    /// The process group of a child.
    public enum ProcessGroup: Hashable, Sendable {
        /// This process's own: a terminal's control-C reaches the child too.
        case inherit
        /// A new one that the child leads: it is signalled, and ended, as a whole.
        case new
        /// One that exists, by its leader's pid.
        case join(Int32)
    }

    /// Who a child runs as; changing it takes privileges.
    public struct User: Hashable, Sendable {
        enum Kind: Hashable, Sendable {
            case name(String)
            case id(UInt32, group: UInt32, groups: [UInt32])
        }

        let kind: Kind

        /// The user of that name, with its group and all the groups it is in.
        public static func named(_ name: String) -> User { User(kind: .name(name)) }

        /// A user and group by number, with no other groups but these.
        public static func id(_ user: UInt32, group: UInt32, groups: [UInt32] = []) -> User {
            User(kind: .id(user, group: group, groups: groups))
        }
    }
}

/// A limit that a child, and what it starts, cannot pass.
public struct ResourceLimit: Hashable, Sendable {
    let resource: Int32
    let name: String
    /// The limit; `nil` for none.
    public var soft: UInt64?
    /// How far the child may raise it itself; `nil` for as far as it likes.
    public var hard: UInt64?

    private init(_ resource: Int32, _ name: String, _ value: UInt64?, _ hard: UInt64??) {
        self.resource = resource
        self.name = name
        soft = value
        self.hard = hard ?? value
    }

    /// Open descriptors.
    public static func openFiles(_ count: UInt64?, hard: UInt64?? = nil) -> ResourceLimit {
        ResourceLimit(LimitNumber.openFiles, "open files", count, hard)
    }
    /// Processor time; beyond it the child gets SIGXCPU.
    public static func processorTime(seconds: UInt64?, hard: UInt64?? = nil) -> ResourceLimit {
        ResourceLimit(LimitNumber.cpuSeconds, "processor time", seconds, hard)
    }
    /// The size of a file that it writes.
    public static func fileSize(bytes: UInt64?, hard: UInt64?? = nil) -> ResourceLimit {
        ResourceLimit(LimitNumber.fileSize, "file size", bytes, hard)
    }
    /// Its data: what it allocates.
    public static func dataSize(bytes: UInt64?, hard: UInt64?? = nil) -> ResourceLimit {
        ResourceLimit(LimitNumber.dataSize, "data size", bytes, hard)
    }
    /// The stack of its first thread.
    public static func stackSize(bytes: UInt64?, hard: UInt64?? = nil) -> ResourceLimit {
        ResourceLimit(LimitNumber.stackSize, "stack size", bytes, hard)
    }
    /// The core that it may leave; zero for none.
    public static func coreSize(bytes: UInt64?, hard: UInt64?? = nil) -> ResourceLimit {
        ResourceLimit(LimitNumber.coreSize, "core size", bytes, hard)
    }
    /// Its address space.
    public static func addressSpace(bytes: UInt64?, hard: UInt64?? = nil) -> ResourceLimit {
        ResourceLimit(LimitNumber.addressSpace, "address space", bytes, hard)
    }
    /// The processes of its user.
    public static func processes(_ count: UInt64?, hard: UInt64?? = nil) -> ResourceLimit {
        ResourceLimit(LimitNumber.processes, "processes", count, hard)
    }
}

extension Command: CustomStringConvertible {
    /// The words of the command line, those quoted that a shell would split.
    public var description: String {
        ([program] + arguments).map { word in
            let isPlain = word.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_./=:,@%+".utf8.contains(byte)
            }
            if isPlain, !word.isEmpty { return word }
            let quoted = word.split(separator: "'", omittingEmptySubsequences: false)
            return "'" + quoted.joined(separator: "'\\''") + "'"
        }.joined(separator: " ")
    }
}
