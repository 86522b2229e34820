// libuv's error codes under English names, and the one place that reads a status.

internal import CUV

/// Turns a status of libuv, or a negated errno, into an error; zero and above pass through.
@discardableResult
@inline(__always)
func check(
    _ status: Int32, _ operation: @autoclosure () -> String
) throws(ReactorError) -> Int32 {
    if status >= 0 { return status }
    throw ReactorError(.init(rawValue: status), operation())
}

extension ReactorError.Code: CustomStringConvertible {
    /// The reason in words, and its name.
    public var description: String {
        if let ownDescription { return ownDescription }
        return "\(words) (\(name))"
    }

    /// The short name, as libuv prints it: `ECONNREFUSED`.
    public var name: String {
        // SAFETY: `text` lends a buffer of the size it names.
        unsafe text { unsafe uv_err_name_r(rawValue, $0, $1) }
    }

    private var words: String {
        // SAFETY: `text` lends a buffer of the size it names.
        unsafe text { unsafe uv_strerror_r(rawValue, $0, $1) }
    }

    private func text(
        _ fill: (UnsafeMutablePointer<CChar>, Int) -> UnsafeMutablePointer<CChar>?
    ) -> String {
        // SAFETY: the `_r` forms write at most the given size, a terminator included; the plain
        // forms leak a string for every unknown code.
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            unsafe base.initialize(repeating: 0, count: 128)
            _ = unsafe fill(base, 128)
            return unsafe String(cString: base)
        }
    }
}

extension ReactorError.Code {
    /// Not permitted for this user.
    ///
    /// libuv: `UV_EACCES`.
    public static let accessDenied = Self(rawValue: UV_EACCES.rawValue)

    /// The operation needs a privilege the process lacks.
    ///
    /// libuv: `UV_EPERM`.
    public static let notPermitted = Self(rawValue: UV_EPERM.rawValue)

    /// The address is taken.
    ///
    /// libuv: `UV_EADDRINUSE`.
    public static let addressInUse = Self(rawValue: UV_EADDRINUSE.rawValue)

    /// No interface of this machine has that address.
    ///
    /// libuv: `UV_EADDRNOTAVAIL`.
    public static let addressNotAvailable = Self(rawValue: UV_EADDRNOTAVAIL.rawValue)

    /// The system does not know that address family.
    ///
    /// libuv: `UV_EAFNOSUPPORT`.
    public static let familyNotSupported = Self(rawValue: UV_EAFNOSUPPORT.rawValue)

    /// Nobody is listening at that address.
    ///
    /// libuv: `UV_ECONNREFUSED`.
    public static let connectionRefused = Self(rawValue: UV_ECONNREFUSED.rawValue)

    /// The peer broke the connection off.
    ///
    /// libuv: `UV_ECONNRESET`.
    public static let connectionReset = Self(rawValue: UV_ECONNRESET.rawValue)

    /// The connection was given up before it was complete.
    ///
    /// libuv: `UV_ECONNABORTED`.
    public static let connectionAborted = Self(rawValue: UV_ECONNABORTED.rawValue)

    /// The peer no longer reads.
    ///
    /// libuv: `UV_EPIPE`.
    public static let brokenPipe = Self(rawValue: UV_EPIPE.rawValue)

    /// The kernel gave up waiting for the peer.
    ///
    /// libuv: `UV_ETIMEDOUT`.
    public static let timedOut = Self(rawValue: UV_ETIMEDOUT.rawValue)

    /// No route leads to that host.
    ///
    /// libuv: `UV_EHOSTUNREACH`.
    public static let hostUnreachable = Self(rawValue: UV_EHOSTUNREACH.rawValue)

    /// No route leads to that network.
    ///
    /// libuv: `UV_ENETUNREACH`.
    public static let networkUnreachable = Self(rawValue: UV_ENETUNREACH.rawValue)

    /// The process has no descriptor left.
    ///
    /// libuv: `UV_EMFILE`.
    public static let tooManyOpenFiles = Self(rawValue: UV_EMFILE.rawValue)

    /// The system has no descriptor left.
    ///
    /// libuv: `UV_ENFILE`.
    public static let tooManyOpenFilesInSystem = Self(rawValue: UV_ENFILE.rawValue)

    /// No memory.
    ///
    /// libuv: `UV_ENOMEM`.
    public static let outOfMemory = Self(rawValue: UV_ENOMEM.rawValue)

    /// The kernel has no room for the buffers.
    ///
    /// libuv: `UV_ENOBUFS`.
    public static let noBufferSpace = Self(rawValue: UV_ENOBUFS.rawValue)

    /// The descriptor is not open, or not what the operation needs.
    ///
    /// libuv: `UV_EBADF`.
    public static let badDescriptor = Self(rawValue: UV_EBADF.rawValue)

    /// The system call refused an argument.
    ///
    /// libuv: `UV_EINVAL`.
    public static let refusedArgument = Self(rawValue: UV_EINVAL.rawValue)

    /// There is nothing at that path.
    ///
    /// libuv: `UV_ENOENT`.
    public static let noSuchFile = Self(rawValue: UV_ENOENT.rawValue)

    /// No device there, or nobody at the other end of a FIFO.
    ///
    /// libuv: `UV_ENXIO`.
    public static let noSuchDevice = Self(rawValue: UV_ENXIO.rawValue)

    /// Not a socket.
    ///
    /// libuv: `UV_ENOTSOCK`.
    public static let notASocket = Self(rawValue: UV_ENOTSOCK.rawValue)

    /// Not connected.
    ///
    /// libuv: `UV_ENOTCONN`.
    public static let notConnected = Self(rawValue: UV_ENOTCONN.rawValue)

    /// The socket is connected: it sends to its peer alone.
    ///
    /// libuv: `UV_EISCONN`.
    public static let alreadyConnected = Self(rawValue: UV_EISCONN.rawValue)

    /// Nothing says where to send to.
    ///
    /// libuv: `UV_EDESTADDRREQ`.
    public static let destinationRequired = Self(rawValue: UV_EDESTADDRREQ.rawValue)

    /// The datagram is larger than can be sent.
    ///
    /// libuv: `UV_EMSGSIZE`.
    public static let messageTooLong = Self(rawValue: UV_EMSGSIZE.rawValue)

    /// The system does not offer this.
    ///
    /// libuv: `UV_ENOTSUP`.
    public static let notSupported = Self(rawValue: UV_ENOTSUP.rawValue)

    /// A part of the path is no directory.
    ///
    /// libuv: `UV_ENOTDIR`.
    public static let notADirectory = Self(rawValue: UV_ENOTDIR.rawValue)

    /// No process has that number, or not any more.
    ///
    /// libuv: `UV_ESRCH`.
    public static let noSuchProcess = Self(rawValue: UV_ESRCH.rawValue)

    /// The arguments and the environment are longer than the system allows.
    ///
    /// libuv: `UV_E2BIG`.
    public static let argumentsTooLong = Self(rawValue: UV_E2BIG.rawValue)

    /// Short of something for now: processes, memory.
    ///
    /// libuv: `UV_EAGAIN`.
    public static let temporarilyUnavailable = Self(rawValue: UV_EAGAIN.rawValue)

    /// The system does not know the call.
    ///
    /// libuv: `UV_ENOSYS`.
    public static let notImplemented = Self(rawValue: UV_ENOSYS.rawValue)

    /// Somebody has the program open for writing.
    ///
    /// A compiler that still writes it, or a child that another thread has just started and that
    /// has not let go of it yet. Trying again helps.
    ///
    /// libuv: `UV_ETXTBSY`.
    public static let programBusy = Self(rawValue: UV_ETXTBSY.rawValue)

    /// The file is no program that the system can run: a script without `#!`, another machine's.
    ///
    /// The system's ENOEXEC; libuv has no name for it.
    public static let notExecutable = Self(rawValue: -8)

    /// The host name does not exist.
    ///
    /// libuv: `UV_EAI_NONAME`.
    public static let hostNotFound = Self(rawValue: UV_EAI_NONAME.rawValue)

    /// The name service could not answer now; a later try may succeed.
    ///
    /// libuv: `UV_EAI_AGAIN`.
    public static let lookupUnavailable = Self(rawValue: UV_EAI_AGAIN.rawValue)

    /// Nothing would be left of the operation but to wait.
    ///
    /// libuv: `UV_EAGAIN`.
    static let wouldBlock = Self(rawValue: UV_EAGAIN.rawValue)

    /// A device cannot do what was asked of it.
    ///
    /// libuv: `UV_EIO`.
    static let inputOutput = Self(rawValue: UV_EIO.rawValue)
}
