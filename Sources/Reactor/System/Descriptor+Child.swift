// What a child is given to read and write: files, pipes, a terminal; and who it runs as.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// A pipe whose ends block, as programs expect theirs.
    static func childPipe() throws(ReactorError) -> (reader: Descriptor, writer: Descriptor) {
        var ends: (Int32, Int32) = (-1, -1)
        // SAFETY: the call fills two numbers.
        let status = unsafe withUnsafeMutableBytes(of: &ends) {
            unsafe reactor_child_pipe($0.baseAddress!.assumingMemoryBound(to: Int32.self))
        }
        try Self.status(status, else: "make a pipe")
        return (Descriptor(number: ends.0), Descriptor(number: ends.1))
    }

    enum FileUse { case read, write, append }

    /// Opens a file for a child: made with mode 0666 less the umask where it is written to.
    ///
    /// A FIFO that would have to wait for its other end, maybe for ever, is refused.
    static func file(_ path: String, _ use: FileUse) throws(ReactorError) -> Descriptor {
        let flags =
            switch use {
            case .read: O_RDONLY
            case .write: O_WRONLY | O_CREAT | O_TRUNC
            case .append: O_WRONLY | O_CREAT | O_APPEND
            }
        // Whether a FIFO has a writer cannot be told.
        if use == .read, Surroundings.kind(of: path) == .fifo { throw waits(path) }
        while true {
            let number = openFile(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o666)
            if number >= 0 {
                // Children expect theirs to block.
                _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) & ~O_NONBLOCK)
                return Descriptor(number: number)
            }
            let error = errno
            // The error of a FIFO that nobody reads.
            if error == ENXIO, Surroundings.kind(of: path) == .fifo { throw waits(path) }
            if error != EINTR { throw ReactorError(.init(rawValue: -error), "open \(path)") }
        }
    }

    private static func waits(_ path: String) -> ReactorError {
        ReactorError(
            .invalidArgument,
            "open \(path) (a FIFO, which may wait for its other end: open it first)"
        )
    }

    /// A pseudo-terminal: this process's side, and the child's.
    static func terminal(
        rows: UInt16, columns: UInt16
    ) throws(ReactorError) -> (controller: Descriptor, other: Descriptor) {
        var (controller, other): (Int32, Int32) = (-1, -1)
        // SAFETY: the call fills two live variables.
        let status = unsafe reactor_open_terminal(rows, columns, &controller, &other)
        try check(status, "open a pseudo-terminal")
        return (Descriptor(number: controller), Descriptor(number: other))
    }

    func resizeTerminal(rows: UInt16, columns: UInt16) throws(ReactorError) {
        try check(
            reactor_resize_terminal(number, rows, columns),
            "resize a terminal to \(columns) x \(rows)")
    }

    /// How many bytes a read would find.
    var readableBytes: Int { Int(reactor_readable_bytes(number)) }

    /// True if everybody who could write to this pipe has gone.
    var isHungUp: Bool { reactor_is_hung_up(number) }

    var isOpen: Bool { fcntl(number, F_GETFD) >= 0 }

    /// Open, and not closed by `exec`.
    var isInheritable: Bool {
        let flags = fcntl(number, F_GETFD)
        return flags >= 0 && flags & FD_CLOEXEC == 0
    }
}

// Outside the type, whose methods shadow the name.
private func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
    // SAFETY: a terminated string that lives through the call.
    unsafe open(path, flags, mode)
}

enum SystemUser {
    struct Entry {
        var user: UInt32
        var group: UInt32
        var groups: [UInt32]
    }

    /// The user of that name, and the groups it is in; blocks. `nil` if there is none.
    static func find(_ name: String) throws(ReactorError) -> Entry? {
        var entry = Entry(user: 0, group: 0, groups: [UInt32](repeating: 0, count: 256))
        let capacity = Int32(entry.groups.count)
        // SAFETY: the call fills what it is lent, at most `capacity` groups.
        let count = unsafe reactor_find_user(
            name, &entry.user, &entry.group, &entry.groups, capacity)
        try check(count, "look up the user \(name)")
        entry.groups.removeLast(entry.groups.count - Int(count))
        return count == 0 ? nil : entry
    }
}

/// What this process passes on and what its files are.
enum Surroundings {
    /// The value of a variable of this process.
    static func variable(_ name: String) -> String? {
        // SAFETY: copied before anything else can change it.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// This process's variables.
    static var variables: [(key: String, value: String)] {
        var found: [(key: String, value: String)] = []
        // SAFETY: an array that ends with NULL; changing it at the same time is forbidden to all.
        var next = unsafe environment
        while let entry = unsafe next?.pointee {
            let text = unsafe String(cString: entry)
            if let end = text.firstIndex(of: "=") {
                found.append((String(text[..<end]), String(text[text.index(after: end)...])))
            }
            unsafe next = next! + 1
        }
        return found
    }

    private static var environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
        // SAFETY: read once; see `variables`.
        unsafe environ
    }

    /// True for a directory that this process may enter.
    static func canEnter(_ path: String) -> Bool {
        // SAFETY: a terminated string that lives through the call.
        unsafe kind(of: path) == .directory && access(path, X_OK) == 0
    }

    /// True for a file that begins as a script that names its interpreter.
    static func isScript(_ path: String) -> Bool {
        let number = openFile(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
        guard number >= 0 else { return false }
        defer { Descriptor(number: number).close() }
        var start: (UInt8, UInt8) = (0, 0)
        // SAFETY: two bytes of a live variable.
        let count = unsafe read(number, &start, 2)
        return count == 2 && start == (UInt8(ascii: "#"), UInt8(ascii: "!"))
    }

    enum FileKind { case missing, directory, program, fifo, other }

    /// What is at `path`.
    static func kind(of path: String) -> FileKind {
        var status = stat()
        // SAFETY: the call fills a live variable.
        guard unsafe stat(path, &status) == 0 else { return .missing }
        if status.st_mode & S_IFMT == S_IFDIR { return .directory }
        if status.st_mode & S_IFMT == S_IFIFO { return .fifo }
        return status.st_mode & 0o111 != 0 ? .program : .other
    }
}

/// Limits under the C library's numbers.
enum LimitNumber {
    static let infinity = UInt64(bitPattern: Int64(-1))
    #if canImport(Glibc)
    static var openFiles: Int32 { Int32(RLIMIT_NOFILE.rawValue) }
    static var cpuSeconds: Int32 { Int32(RLIMIT_CPU.rawValue) }
    static var fileSize: Int32 { Int32(RLIMIT_FSIZE.rawValue) }
    static var dataSize: Int32 { Int32(RLIMIT_DATA.rawValue) }
    static var stackSize: Int32 { Int32(RLIMIT_STACK.rawValue) }
    static var coreSize: Int32 { Int32(RLIMIT_CORE.rawValue) }
    static var addressSpace: Int32 { Int32(RLIMIT_AS.rawValue) }
    static var processes: Int32 { Int32(__RLIMIT_NPROC.rawValue) }
    #else
    static var openFiles: Int32 { RLIMIT_NOFILE }
    static var cpuSeconds: Int32 { RLIMIT_CPU }
    static var fileSize: Int32 { RLIMIT_FSIZE }
    static var dataSize: Int32 { RLIMIT_DATA }
    static var stackSize: Int32 { RLIMIT_STACK }
    static var coreSize: Int32 { RLIMIT_CORE }
    static var addressSpace: Int32 { RLIMIT_AS }
    static var processes: Int32 { RLIMIT_NPROC }
    #endif
}

#if os(Linux)
extension Surroundings {
    /// True where children are started by `clone`; elsewhere libuv does it.
    static var hasClone: Bool { true }
}
#else
extension Surroundings {
    static var hasClone: Bool { false }
}
#endif
