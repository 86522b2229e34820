// The numbers of signals, which differ between systems.

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
