// A listening Unix socket, from its options to its file.

internal import SystemPackage

/// What a Unix listener is asked to be.
struct UnixBinding: Sendable {
    let address: SocketAddress
    let permissions: UInt32?
    let backlog: Int
    let options: UnixOptions

    /// How long a directory that somebody else has locked is waited for. Whoever binds holds it
    /// for microseconds; who holds it for longer does something else with it. Tests set it, as a
    /// machine may be slower than that.
    @TaskLocal static var patience = Duration.seconds(2)

    /// A socket that listens, and its file where it has a path. Nothing is left if this throws.
    ///
    /// `nil` while another binds in the same directory, where the caller would rather wait than
    /// go without the lock.
    func bind(ifBusyWait mayWait: Bool) throws(ReactorError) -> (Descriptor, SocketFile?)? {
        guard let backlog = Int32(exactly: backlog), backlog > 0 else {
            throw ReactorError(.invalidArgument, "listen with a backlog of \(backlog)")
        }
        guard address.family == .unix, !address.isUnnamed else {
            throw ReactorError(.invalidArgument, "listen on \(address) as a Unix socket")
        }
        let path = address.path
        var lock: DirectoryLock?
        if let path {
            switch try DirectoryLock.take(path.removingLastComponent()) {
            case .held(let held): lock = held
            case .busy where mayWait: return nil
            case .busy, .unavailable: break
            }
        }
        defer { lock?.release() }
        let descriptor = try Descriptor.streamSocket(.unix)
        var file: SocketFile?
        do throws(ReactorError) {
            try descriptor.apply(options)
            // Linux makes the file with these, less the process's mask: never more than is asked.
            if let permissions { descriptor.setPermissions(permissions) }
            try bind(descriptor, isLocked: lock != nil)
            if let path { file = try SocketFile(boundTo: path, permissions) }
            try descriptor.listen(backlog: backlog, at: address)
            return (descriptor, file)
        } catch {
            file?.remove()
            descriptor.close()
            throw error
        }
    }

    /// Binds, in the place of a stale socket if need be.
    private func bind(_ descriptor: Descriptor, isLocked: Bool) throws(ReactorError) {
        for _ in 0..<3 {
            do throws(ReactorError) {
                return try descriptor.bind(to: address)
            } catch {
                guard error.code == .addressInUse, isLocked, let path = address.path,
                    try SocketFile.removeStale(at: path)
                else { throw error }
            }
        }
        throw ReactorError(.addressInUse, "bind to \(address)")
    }
}

/// Options of a Unix stream, or of every one that a listener accepts.
///
/// `nil` leaves the system's own setting.
public struct UnixOptions: Sendable, Hashable {
    /// Keeps descriptors that the peer sends, for ``UnixStream/receive(upTo:)``.
    ///
    /// Without, which is the default, the kernel closes them as they come: whoever can connect
    /// could fill this process's table of descriptors otherwise.
    public var receivesDescriptors = false
    /// The kernel's receive buffer in bytes (SO_RCVBUF); Linux doubles it.
    public var receiveBufferBytes: Int?
    /// The kernel's send buffer in bytes (SO_SNDBUF), which is what limits a Unix socket on Linux;
    /// Linux doubles it.
    public var sendBufferBytes: Int?

    /// The defaults.
    public init(receivesDescriptors: Bool = false) {
        self.receivesDescriptors = receivesDescriptors
    }
}

extension Descriptor {
    func apply(_ options: UnixOptions) throws(ReactorError) {
        if let bytes = options.receiveBufferBytes { try setBuffer(.receive, bytes) }
        if let bytes = options.sendBufferBytes { try setBuffer(.send, bytes) }
    }
}
