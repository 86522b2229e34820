// What a descriptor is, and which way it goes: asked before anything is built on it.

internal import SystemPackage
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Descriptor {
    /// What the kernel says a descriptor is.
    enum Kind {
        case pipe, socket, characterDevice, regularFile, directory, blockDevice, other

        var words: String {
            switch self {
            case .pipe: "a pipe"
            case .socket: "a socket"
            case .characterDevice: "a character device"
            case .regularFile: "a regular file"
            case .directory: "a directory"
            case .blockDevice: "a block device"
            case .other: "no pipe, socket or device"
            }
        }
    }

    /// What it is; EBADF where it is not open.
    func kind(_ operation: @autoclosure () -> String) throws(ReactorError) -> Kind {
        var status = stat()
        // SAFETY: the call fills a live variable.
        try Self.status(unsafe fstat(number, &status), else: operation())
        return switch status.st_mode & S_IFMT {
        case S_IFIFO: .pipe
        case S_IFSOCK: .socket
        case S_IFCHR: .characterDevice
        case S_IFREG: .regularFile
        case S_IFDIR: .directory
        case S_IFBLK: .blockDevice
        default: .other
        }
    }

    /// Which ways it was opened for; EBADF where it is not open.
    func access(
        _ operation: @autoclosure () -> String
    ) throws(ReactorError) -> (reads: Bool, writes: Bool) {
        let flags = try Self.status(fcntl(number, F_GETFL), else: operation())
        let mode = flags & O_ACCMODE
        return (mode != O_WRONLY, mode != O_RDONLY)
    }

    /// Children do not inherit it.
    func closeOnExec() { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }

    /// Another number for the same open file, which children do not inherit.
    func duplicate() throws(ReactorError) -> Descriptor {
        Descriptor(
            number: try Self.status(
                fcntl(number, F_DUPFD_CLOEXEC, 0), else: "duplicate descriptor \(number)"))
    }

    var isTerminal: Bool { isatty(number) == 1 }

    /// How `open` opens a path here: without blocking, and never as the controlling terminal.
    enum Opening {
        case reading, writing, both

        fileprivate var flags: Int32 {
            let way =
                switch self {
                case .reading: O_RDONLY
                case .writing: O_WRONLY
                case .both: O_RDWR
                }
            return way | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        }
    }

    static func open(
        _ path: FilePath, for opening: Opening, _ operation: @autoclosure () -> String
    ) throws(ReactorError) -> Descriptor {
        while true {
            // SAFETY: the call reads a terminated string that lives through it.
            let number = unsafe path.withPlatformString { unsafe openPath($0, opening.flags) }
            if number < 0, errno == EINTR { continue }
            return Descriptor(number: try status(number, else: operation()))
        }
    }

    /// The same pipe or terminal opened anew: its flags are its own, not shared with whoever else
    /// has the descriptor. Nothing for what cannot be opened so, as a socket.
    func reopened(for opening: Opening) -> Descriptor? {
        try? Self.open(FilePath("/proc/self/fd/\(number)"), for: opening, "")
    }
}

// Outside the type, whose methods shadow the name.
private func openPath(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
    // SAFETY: the caller's string is terminated.
    unsafe open(path, flags)
}
