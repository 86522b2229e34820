// A signal of the system, as a value.

/// A signal: what a process is told by another, by the terminal, or by the kernel.
///
/// Await signals with ``Signals``. Any number may be made, real-time signals among them; a call
/// that cannot use it refuses it with a typed error.
public struct Signal: RawRepresentable, Hashable, Sendable {
    /// The system's number.
    public let rawValue: Int32

    /// The signal of that number.
    public init(rawValue: Int32) { self.rawValue = rawValue }
}

extension Signal {
    /// The terminal has gone; by custom: read the configuration anew (SIGHUP).
    public static let hangup = Signal(rawValue: SignalNumber.hangup)
    /// Control-C (SIGINT).
    public static let interrupt = Signal(rawValue: SignalNumber.interrupt)
    /// Control-backslash: end, and leave a core (SIGQUIT).
    public static let quit = Signal(rawValue: SignalNumber.quit)
    /// An instruction that the processor does not know (SIGILL).
    public static let illegalInstruction = Signal(rawValue: SignalNumber.illegalInstruction)
    /// A breakpoint; a Swift program that traps dies of this or of SIGILL (SIGTRAP).
    public static let trap = Signal(rawValue: SignalNumber.trap)
    /// `abort()` (SIGABRT).
    public static let abort = Signal(rawValue: SignalNumber.abort)
    /// Memory that cannot be reached (SIGBUS).
    public static let busError = Signal(rawValue: SignalNumber.busError)
    /// Arithmetic that has no result (SIGFPE).
    public static let arithmeticError = Signal(rawValue: SignalNumber.arithmeticError)
    /// Ends a process at once; it cannot be caught (SIGKILL).
    public static let kill = Signal(rawValue: SignalNumber.kill)
    /// Free for programs to give a meaning (SIGUSR1).
    public static let user1 = Signal(rawValue: SignalNumber.user1)
    /// Memory that is not the process's (SIGSEGV).
    public static let segmentationFault = Signal(rawValue: SignalNumber.segmentationFault)
    /// Free for programs to give a meaning (SIGUSR2).
    public static let user2 = Signal(rawValue: SignalNumber.user2)
    /// A write to a pipe or socket that nobody reads (SIGPIPE).
    public static let pipe = Signal(rawValue: SignalNumber.pipe)
    /// A timer of `alarm` or `setitimer` (SIGALRM).
    public static let alarm = Signal(rawValue: SignalNumber.alarm)
    /// Please end: what service managers send first (SIGTERM).
    public static let terminate = Signal(rawValue: SignalNumber.terminate)
    /// A child has ended or stopped (SIGCHLD).
    public static let child = Signal(rawValue: SignalNumber.child)
    /// Goes on after a stop (SIGCONT).
    public static let `continue` = Signal(rawValue: SignalNumber.continue)
    /// Stops a process until SIGCONT; it cannot be caught (SIGSTOP).
    public static let stop = Signal(rawValue: SignalNumber.stop)
    /// Control-Z (SIGTSTP).
    public static let terminalStop = Signal(rawValue: SignalNumber.terminalStop)
    /// A background process reads from the terminal (SIGTTIN).
    public static let terminalInput = Signal(rawValue: SignalNumber.terminalInput)
    /// A background process writes to the terminal (SIGTTOU).
    public static let terminalOutput = Signal(rawValue: SignalNumber.terminalOutput)
    /// A socket has urgent data (SIGURG).
    public static let urgent = Signal(rawValue: SignalNumber.urgent)
    /// The limit of processor time is reached (SIGXCPU).
    public static let cpuLimit = Signal(rawValue: SignalNumber.cpuLimit)
    /// The limit of a file's size is reached (SIGXFSZ).
    public static let fileSizeLimit = Signal(rawValue: SignalNumber.fileSizeLimit)
    /// A timer of processor time (SIGVTALRM).
    public static let virtualAlarm = Signal(rawValue: SignalNumber.virtualAlarm)
    /// A timer of processor time, the kernel's included (SIGPROF).
    public static let profilingAlarm = Signal(rawValue: SignalNumber.profilingAlarm)
    /// The terminal's window has another size (SIGWINCH).
    public static let windowChanged = Signal(rawValue: SignalNumber.windowChanged)
    /// A descriptor is ready (SIGIO).
    public static let inputOutput = Signal(rawValue: SignalNumber.inputOutput)
    /// A system call that is not allowed (SIGSYS).
    public static let badSystemCall = Signal(rawValue: SignalNumber.badSystemCall)
}

extension Signal: CustomStringConvertible {
    /// The system's name, `SIGTERM`; `signal 40` for one without.
    public var description: String { Self.names[self] ?? "signal \(rawValue)" }

    private static let names: [Signal: String] = [
        .hangup: "SIGHUP", .interrupt: "SIGINT", .quit: "SIGQUIT",
        .illegalInstruction: "SIGILL", .trap: "SIGTRAP", .abort: "SIGABRT",
        .busError: "SIGBUS", .arithmeticError: "SIGFPE", .kill: "SIGKILL",
        .user1: "SIGUSR1", .segmentationFault: "SIGSEGV", .user2: "SIGUSR2",
        .pipe: "SIGPIPE", .alarm: "SIGALRM", .terminate: "SIGTERM", .child: "SIGCHLD",
        .continue: "SIGCONT", .stop: "SIGSTOP", .terminalStop: "SIGTSTP",
        .terminalInput: "SIGTTIN", .terminalOutput: "SIGTTOU", .urgent: "SIGURG",
        .cpuLimit: "SIGXCPU", .fileSizeLimit: "SIGXFSZ", .virtualAlarm: "SIGVTALRM",
        .profilingAlarm: "SIGPROF", .windowChanged: "SIGWINCH", .inputOutput: "SIGIO",
        .badSystemCall: "SIGSYS",
    ]
}
