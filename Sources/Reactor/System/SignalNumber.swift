// The numbers of signals, which differ between systems.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The C library's numbers under English names.
enum SignalNumber {
    static var hangup: Int32 { SIGHUP }
    static var interrupt: Int32 { SIGINT }
    static var quit: Int32 { SIGQUIT }
    static var illegalInstruction: Int32 { SIGILL }
    static var trap: Int32 { SIGTRAP }
    static var abort: Int32 { SIGABRT }
    static var busError: Int32 { SIGBUS }
    static var arithmeticError: Int32 { SIGFPE }
    static var kill: Int32 { SIGKILL }
    static var user1: Int32 { SIGUSR1 }
    static var segmentationFault: Int32 { SIGSEGV }
    static var user2: Int32 { SIGUSR2 }
    static var pipe: Int32 { SIGPIPE }
    static var alarm: Int32 { SIGALRM }
    static var terminate: Int32 { SIGTERM }
    static var child: Int32 { SIGCHLD }
    static var `continue`: Int32 { SIGCONT }
    static var stop: Int32 { SIGSTOP }
    static var terminalStop: Int32 { SIGTSTP }
    static var terminalInput: Int32 { SIGTTIN }
    static var terminalOutput: Int32 { SIGTTOU }
    static var urgent: Int32 { SIGURG }
    static var cpuLimit: Int32 { SIGXCPU }
    static var fileSizeLimit: Int32 { SIGXFSZ }
    static var virtualAlarm: Int32 { SIGVTALRM }
    static var profilingAlarm: Int32 { SIGPROF }
    static var windowChanged: Int32 { SIGWINCH }
    static var inputOutput: Int32 { SIGIO }
    static var badSystemCall: Int32 { SIGSYS }
}

/// A set of signals, one bit for each.
struct SignalMask: OptionSet, Hashable, Sendable {
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The one signal; the number is from 1 to 64.
    init(number: Int32) { rawValue = 1 << UInt64(number - 1) }

    /// The numbers in it, in order.
    var numbers: [Int32] {
        (1...64).filter { contains(SignalMask(number: $0)) }
    }

    /// The first number after `last`, beginning anew at the end; `nil` for the empty set.
    func number(after last: Int32) -> Int32? {
        if isEmpty { return nil }
        // Swift's shifts by 64 and more give zero.
        let later = rawValue & (UInt64.max << UInt64(last))
        return Int32((later == 0 ? rawValue : later).trailingZeroBitCount) + 1
    }
}

/// The process's one signal handler, behind C. Callers hold the dispatcher's lock.
enum SignalHandler {
    static func prepare() throws(ReactorError) {
        try status(reactor_signals_prepare(), "catch signals")
    }

    /// Signals that the kernel or the C library lets nobody catch are refused.
    static func `catch`(_ number: Int32) throws(ReactorError) {
        let status = reactor_signals_catch(number)
        if status == -EINVAL {
            throw ReactorError(.invalidArgument, "listen for signal \(number)")
        }
        try self.status(status, "listen for signal \(number)")
    }

    static func release(_ number: Int32) { reactor_signals_release(number) }

    static func take() -> SignalMask { SignalMask(rawValue: reactor_signals_take()) }

    static func wait() { reactor_signals_wait() }

    static func wake() { reactor_signals_wake() }

    /// Lets the calling thread be interrupted by these signals, and by no others.
    static func accept(_ mask: SignalMask) { reactor_signals_accept(mask.rawValue) }

    private static func status(
        _ status: Int32, _ operation: @autoclosure () -> String
    ) throws(ReactorError) {
        if status < 0 { throw ReactorError(.init(rawValue: status), operation()) }
    }
}
