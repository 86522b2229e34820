// Unix sockets' addresses: a path, an abstract name, or nothing at all.

public import SystemPackage

extension SocketAddress {
    /// The address of a Unix socket at a path.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for an empty path, and for one that is
    ///   longer than the system takes: 107 bytes on Linux. It is never cut.
    public init(path: FilePath) throws(ReactorError) {
        try self.init(pathBytes: UnixName.bytes(of: path))
    }

    /// The address of a Unix socket at a path.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for an empty path, for one that holds a zero
    ///   byte, and for one that is longer than the system takes: 107 bytes on Linux. It is never
    ///   cut.
    public init(path: String) throws(ReactorError) {
        try self.init(pathBytes: Array(path.utf8))
    }

    /// The address of a Unix socket with an abstract name: any bytes, and no file anywhere.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for no bytes, or more than the system takes:
    ///   107 on Linux; ``ReactorError/Code/notSupported`` where there is nothing of the kind.
    public init(abstractName name: [UInt8]) throws(ReactorError) {
        let address = SocketAddress(.unix([0] + name))
        guard UnixName.hasAbstractNames else {
            throw ReactorError(.notSupported, "use an abstract name: \(address)")
        }
        guard !name.isEmpty, name.count < UnixName.room else {
            throw ReactorError(
                .invalidArgument,
                "use \(address) as a socket's name: "
                    + "1 to \(UnixName.room - 1) bytes are possible, not \(name.count)")
        }
        self = address
    }

    /// The same, of a text's bytes.
    ///
    /// - Throws: As ``init(abstractName:)-([UInt8])``.
    public init(abstractName name: String) throws(ReactorError) {
        try self.init(abstractName: Array(name.utf8))
    }

    private init(pathBytes path: [UInt8]) throws(ReactorError) {
        let text = String(decoding: path, as: UTF8.self).debugDescription
        guard !path.isEmpty, !path.contains(0) else {
            throw ReactorError(.invalidArgument, "use \(text) as a socket's path")
        }
        guard path.count < UnixName.room else {
            throw ReactorError(
                .invalidArgument,
                "use \(text) as a socket's path: at most \(UnixName.room - 1) bytes are "
                    + "possible, not \(path.count)")
        }
        self.init(.unix(path))
    }

    /// The path of a Unix socket that has one.
    public var path: FilePath? {
        guard case .unix(let bytes) = storage, let first = bytes.first, first != 0 else {
            return nil
        }
        return UnixName.path(bytes)
    }

    /// The abstract name of a Unix socket that has one.
    public var abstractName: [UInt8]? {
        guard case .unix(let bytes) = storage, bytes.first == 0 else { return nil }
        return Array(bytes.dropFirst())
    }

    /// True for a Unix socket that was bound to nothing, as most clients are.
    public var isUnnamed: Bool { if case .unix([]) = storage { true } else { false } }

    /// The address of such a socket.
    static let unnamed = SocketAddress(.unix([]))
}

// MARK: As text

extension SocketAddress {
    static let unixPrefix = "unix:"

    /// What follows the prefix: a path, or `@` and an abstract name.
    init(unix text: Substring) throws(ReactorError) {
        guard text.first == "@" else {
            try self.init(path: String(text))
            return
        }
        guard let name = UnixName.unescaped(text.dropFirst().utf8) else {
            throw ReactorError(
                .invalidArgument, "use \(text.debugDescription) as an abstract name")
        }
        try self.init(abstractName: name)
    }

    /// A path that would read as an abstract name gets `./` before it: the same file.
    var unixDescription: String {
        guard case .unix(let bytes) = storage, let first = bytes.first else {
            return Self.unixPrefix
        }
        if first == 0 { return "\(Self.unixPrefix)@\(UnixName.escaped(bytes.dropFirst()))" }
        let path = String(decoding: bytes, as: UTF8.self)
        return Self.unixPrefix + (path.hasPrefix("@") ? "./" : "") + path
    }
}
