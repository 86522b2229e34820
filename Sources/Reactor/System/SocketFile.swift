// The file of a listening Unix socket: made, replaced where it is stale, removed where it is ours.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif
internal import SystemPackage

/// A socket's file, as one that was made here.
struct SocketFile: Sendable {
    /// Absolute: the process may change its directory.
    private let path: FilePath
    private let identity: Identity

    /// Which file it is, whatever has its name. The kernel keeps the number in use for as long as
    /// the socket is open.
    private struct Identity: Equatable {
        let device: UInt64
        let number: UInt64
    }

    private struct Entry {
        let identity: Identity
        let isSocket: Bool
        let permissions: UInt32
    }

    /// The file that binding has just made at `path`, with exactly these permissions if any are
    /// named.
    ///
    /// Before it listens: nobody can have connected under others.
    init(boundTo path: FilePath, _ permissions: UInt32?) throws(ReactorError) {
        let operation = "bind to unix:\(path)"
        let entry = try Self.entry(at: path, operation)
        self.path = path.isAbsolute ? path : try Self.workingDirectory().pushing(path)
        identity = entry.identity
        guard let permissions, permissions != entry.permissions else { return }
        // SAFETY: the call reads a terminated string that lives through it.
        let status = unsafe path.withPlatformString {
            unsafe fchmodat(AT_FDCWD, $0, mode_t(permissions), AT_SYMLINK_NOFOLLOW)
        }
        do throws(ReactorError) {
            try Descriptor.status(status, else: "set the mode of unix:\(path)")
        } catch {
            remove()
            throw error
        }
    }

    /// Removes it, unless another has taken its place. Called while the socket still listens: who
    /// looks at the path by our rules does not replace it before.
    func remove() {
        guard let entry = try? Self.entry(at: path, ""), entry.identity == identity else { return }
        // SAFETY: as above.
        _ = unsafe path.withPlatformString { unsafe unlink($0) }
    }

    // MARK: What is there already

    /// Removes a socket at `path` that nobody serves. False if something else is there, which
    /// stays. The directory must be locked.
    static func removeStale(at path: FilePath) throws(ReactorError) -> Bool {
        let operation = "replace the socket at unix:\(path)"
        let old: Entry
        do throws(ReactorError) { old = try entry(at: path, operation) } catch {
            // It has gone since.
            if error.code == .init(rawValue: -ENOENT) { return true }
            throw error
        }
        guard old.isSocket, try isRefused(path) else { return false }
        // Set aside before it is removed: who does not lock the directory may have bound the path
        // just now, and gets it back.
        let aside = FilePath("\(path).\(getpid())-\(UInt32.random(in: 0...(.max)))")
        // SAFETY: `call` lends two terminated strings.
        try unsafe call(path, aside, operation) { unsafe rename($0, $1) }
        if try entry(at: aside, operation).identity != old.identity {
            try unsafe call(aside, path, operation) { unsafe link($0, $1) }
            // SAFETY: as above.
            _ = unsafe aside.withPlatformString { unsafe unlink($0) }
            return false
        }
        // SAFETY: as above.
        _ = unsafe aside.withPlatformString { unsafe unlink($0) }
        return true
    }

    /// Whether connecting to it is refused, which a socket that is served never does: one whose
    /// backlog is full answers otherwise, as does one of another type.
    private static func isRefused(_ path: FilePath) throws(ReactorError) -> Bool {
        let probe = try Descriptor.streamSocket(.unix)
        defer { probe.close() }
        do throws(ReactorError) {
            _ = try probe.connect(to: try SocketAddress(path: path))
            return false
        } catch {
            return error.code == .connectionRefused
        }
    }

    private static func entry(
        at path: FilePath, _ operation: String
    ) throws(ReactorError) -> Entry {
        var status = stat()
        // SAFETY: the string lives through the call, which fills a live variable.
        let result = unsafe path.withPlatformString { unsafe lstat($0, &status) }
        try Descriptor.status(result, else: operation)
        return Entry(
            identity: Identity(
                device: UInt64(truncatingIfNeeded: status.st_dev),
                number: UInt64(truncatingIfNeeded: status.st_ino)),
            isSocket: status.st_mode & S_IFMT == S_IFSOCK,
            permissions: UInt32(status.st_mode & 0o7777))
    }

    private static func call(
        _ first: FilePath, _ second: FilePath, _ operation: String,
        _ body: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32
    ) throws(ReactorError) {
        // SAFETY: both strings live through the call.
        let status = unsafe first.withPlatformString { one in
            unsafe second.withPlatformString { unsafe body(one, $0) }
        }
        try Descriptor.status(status, else: operation)
    }

    private static func workingDirectory() throws(ReactorError) -> FilePath {
        // SAFETY: the call allocates what it returns, which is ours to free.
        guard let text = unsafe getcwd(nil, 0) else {
            throw ReactorError(.init(rawValue: -errno), "find the working directory")
        }
        defer { unsafe free(text) }
        return unsafe FilePath(platformString: text)
    }
}

/// A lock on a directory, held while a socket is bound in it and begins to listen: a socket that
/// is bound and does not listen yet looks stale to others. It leaves no file behind.
struct DirectoryLock {
    private let descriptor: Descriptor

    enum Attempt {
        case held(DirectoryLock)
        /// Another process, or another thread of this one, binds there right now.
        case busy
        /// The directory cannot be read or locked, or is none.
        case unavailable
    }

    static func take(_ directory: FilePath) throws(ReactorError) -> Attempt {
        let path = directory.isEmpty ? FilePath(".") : directory
        // SAFETY: the call reads a terminated string that lives through it.
        let number = unsafe path.withPlatformString {
            unsafe openDirectory($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK)
        }
        if number < 0 {
            let code = errno
            guard code == EMFILE || code == ENFILE || code == ENOMEM else { return .unavailable }
            throw ReactorError(.init(rawValue: -code), "lock the directory \(path)")
        }
        let lock = DirectoryLock(descriptor: Descriptor(number: number))
        if flock(number, LOCK_EX | LOCK_NB) == 0 { return .held(lock) }
        let isBusy = errno == EWOULDBLOCK
        lock.release()
        return isBusy ? .busy : .unavailable
    }

    func release() { descriptor.close() }
}

// Outside the type, whose methods shadow the name.
private func openDirectory(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
    // SAFETY: the caller's string is terminated.
    unsafe open(path, flags)
}
