// What a child is to be, in the terms of the kernel; and the call that makes it so.

internal import CReactor

/// Everything that the child's side needs, checked and looked up beforehand.
struct SpawnRequest: Sendable {
    /// A descriptor of this process and the number that it gets in the child; without a source,
    /// /dev/null.
    struct Move: Sendable {
        var source: Int32?
        var target: Int32
        /// This process's own of that number, if it has one for children.
        var inherits = false
    }

    struct Limit: Sendable {
        var resource: Int32
        var soft: UInt64
        var hard: UInt64
    }

    /// What the child calls itself, for errors.
    var name: String
    /// Paths to try in order.
    var programs: [String]
    var arguments: [String]
    /// `KEY=value`; this process's own where it is `nil`.
    var environment: [String]?
    var directory: String?
    var moves: [Move] = []
    var limits: [Limit] = []
    var user: UInt32?
    var group: UInt32?
    var groups: [UInt32]?
    /// To join; 0 for one of its own.
    var processGroup: Int32?
    var umask: UInt32?
    var niceness: Int32?
    var deathSignal: Int32?
    /// The child's number of what becomes its controlling terminal.
    var terminal: Int32?
    var newSession = false

    /// What a spawn fails in.
    enum Step: Equatable, Sendable {
        case fork, watch, session, processGroup, closing, terminal, niceness, groups, group, user
        case deathSignal, directory
        case descriptor(Int)
        case limit(Int)
        case program(Int)
    }

    struct Failure: Error {
        let step: Step
        let errno: Int32

        /// True if the system cannot start a child in the way that was tried.
        var isNotHere: Bool {
            step == .fork && ReactorError.Code(rawValue: -errno) == .notImplemented
        }
    }
}

extension SpawnRequest {
    /// Starts the child and blocks until it runs its program. Nothing is left if this throws.
    ///
    /// libuv: `uv_spawn`, here `clone` and `execve`.
    func start() throws(Failure) -> ChildHandle {
        var result = reactor_spawn_result()
        // SAFETY: the child is done with what is lent, or has a copy, when the call returns.
        unsafe lend { unsafe reactor_spawn($0, &result) }
        if let step = Step(result) { throw Failure(step: step, errno: result.error) }
        return ChildHandle(result)
    }

    /// Begins the same without blocking. There is no child if this throws, with ENOSYS where the
    /// system cannot do this.
    ///
    /// libuv: `uv_spawn`, here `clone` and `execve`.
    func begin() throws(Failure) -> SpawnAttempt {
        var result = reactor_spawn_result()
        var through: Int32 = -1
        // SAFETY: the call copies what is lent.
        let launch = unsafe lend { unsafe reactor_launch_begin($0, &result, &through) }
        guard let launch = unsafe launch, through >= 0 else {
            throw Failure(step: Step(result) ?? .fork, errno: result.error)
        }
        return unsafe SpawnAttempt(
            child: ChildHandle(result), through: Descriptor(number: through), launch)
    }

    /// Lends all of this as C has it.
    private func lend<Result>(_ body: (UnsafePointer<reactor_spawn_request>) -> Result) -> Result {
        let moves = moves.map {
            reactor_descriptor_move(
                source: $0.source ?? -1, target: $0.target, inherits: $0.inherits)
        }
        let limits = limits.map {
            reactor_limit(resource: $0.resource, soft: $0.soft, hard: $0.hard)
        }
        // SAFETY: what the request points to is lent for as long as `body` lasts.
        return unsafe CStrings.lend(programs) { programs in
            unsafe CStrings.lend(arguments) { arguments in
                unsafe CStrings.lend(environment ?? []) { environment in
                    unsafe CStrings.lend(directory) { directory in
                        unsafe moves.withUnsafeBufferPointer { moves in
                            unsafe limits.withUnsafeBufferPointer { limits in
                                unsafe (groups ?? []).withUnsafeBufferPointer { groups in
                                    var request = unsafe raw(programs, arguments)
                                    if self.environment != nil {
                                        unsafe request.environment = UnsafePointer(environment)
                                    }
                                    unsafe request.directory = directory
                                    unsafe request.moves = moves.baseAddress
                                    unsafe request.move_count = moves.count
                                    unsafe request.limits = limits.baseAddress
                                    unsafe request.limit_count = limits.count
                                    unsafe request.groups = groups.baseAddress
                                    unsafe request.group_count = groups.count
                                    return unsafe body(&request)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func raw(
        _ programs: CStrings.Pointers, _ arguments: CStrings.Pointers
    ) -> reactor_spawn_request {
        // SAFETY: pointers are stored here, and followed by nobody before they are all set.
        var request = unsafe reactor_spawn_request()
        unsafe request.programs = UnsafePointer(programs)
        unsafe request.arguments = UnsafePointer(arguments)
        unsafe request.sets_groups = groups != nil
        unsafe request.user = user.map(Int64.init) ?? -1
        unsafe request.group = group.map(Int64.init) ?? -1
        unsafe request.process_group = processGroup.map(Int64.init) ?? -1
        unsafe request.umask = umask.map(Int64.init) ?? -1
        unsafe request.death_signal = deathSignal.map(Int64.init) ?? -1
        unsafe request.terminal = terminal ?? -1
        unsafe request.new_session = newSession
        unsafe request.sets_niceness = niceness != nil
        unsafe request.niceness = niceness ?? 0
        return unsafe request
    }
}

extension ChildHandle {
    fileprivate convenience init(_ result: reactor_spawn_result) {
        self.init(
            pid: result.pid, result.pidfd >= 0 ? Descriptor(number: result.pidfd) : nil)
    }
}

extension SpawnRequest.Step {
    init?(_ result: reactor_spawn_result) {
        switch result.step {
        case REACTOR_STEP_NONE: return nil
        case REACTOR_STEP_FORK: self = .fork
        case REACTOR_STEP_WATCH: self = .watch
        case REACTOR_STEP_SESSION: self = .session
        case REACTOR_STEP_GROUP: self = .processGroup
        case REACTOR_STEP_DESCRIPTOR: self = .descriptor(result.index)
        case REACTOR_STEP_CLOSE: self = .closing
        case REACTOR_STEP_TERMINAL: self = .terminal
        case REACTOR_STEP_LIMIT: self = .limit(result.index)
        case REACTOR_STEP_NICENESS: self = .niceness
        case REACTOR_STEP_GROUPS: self = .groups
        case REACTOR_STEP_GID: self = .group
        case REACTOR_STEP_UID: self = .user
        case REACTOR_STEP_DEATH_SIGNAL: self = .deathSignal
        case REACTOR_STEP_DIRECTORY: self = .directory
        default: self = .program(result.index)
        }
    }
}
