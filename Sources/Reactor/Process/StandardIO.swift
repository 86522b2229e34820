// What a child reads from and writes to.

public import SystemPackage

/// What one of a child's descriptors is.
///
/// Not everything suits every descriptor: bytes are an input, `.standardOutput` is for the standard
/// error. What does not is refused with ``ReactorError/Code/invalidArgument`` before anything is
/// started.
public struct StandardIO: Sendable {
    enum Kind: Sendable {
        case inherit, null, pipe, terminal, standardOutput
        case file(FilePath, Descriptor.FileUse)
        case descriptor(Int32)
        case bytes([UInt8])
        case reader(any ByteReader)
    }

    let kind: Kind

    /// This process's own.
    ///
    /// Where that is closed, or is not for children, the child gets `/dev/null`.
    public static let inherit = StandardIO(kind: .inherit)
    /// Nothing to read, and what is written is dropped: `/dev/null`.
    public static let null = StandardIO(kind: .null)
    /// A pipe, whose other end is the child's `standardInput`, `standardOutput` or
    /// `standardError`.
    public static let pipe = StandardIO(kind: .pipe)
    /// The pseudo-terminal of ``Command/terminal``.
    public static let terminal = StandardIO(kind: .terminal)
    /// For the standard error: wherever the standard output goes, in the order of writing.
    public static let standardOutput = StandardIO(kind: .standardOutput)

    /// A file: read from its beginning as an input, else made or emptied.
    ///
    /// A relative path is this process's, not the child's. A FIFO to read from, or that nobody
    /// reads, is refused: opening it may wait for ever. Open it yourself, and give the descriptor.
    public static func file(_ path: FilePath) -> StandardIO {
        StandardIO(kind: .file(path, .write))
    }

    /// A file that is written at its end, and made where it does not exist.
    public static func appending(_ path: FilePath) -> StandardIO {
        StandardIO(kind: .file(path, .append))
    }

    /// An open descriptor of this process, which stays the caller's to close.
    public static func descriptor(_ descriptor: FileDescriptor) -> StandardIO {
        StandardIO(kind: .descriptor(descriptor.rawValue))
    }

    /// For the standard input: these bytes, then its end.
    ///
    /// A child that does not read all of them is no error.
    public static func bytes(_ bytes: [UInt8]) -> StandardIO { StandardIO(kind: .bytes(bytes)) }

    /// For the standard input: this text as UTF-8, then its end.
    public static func text(_ text: String) -> StandardIO { bytes(Array(text.utf8)) }

    /// For the standard input: what `reader` brings, read no faster than the child takes it.
    ///
    /// A child that does not read all of it is no error.
    public static func reader(_ reader: any ByteReader) -> StandardIO {
        StandardIO(kind: .reader(reader))
    }
}

/// The size of a terminal's window, in characters.
public struct TerminalSize: Hashable, Sendable {
    /// How wide.
    public var columns: UInt16
    /// How high.
    public var rows: UInt16

    /// A window of that size: by default the classic one.
    public init(columns: UInt16 = 80, rows: UInt16 = 24) {
        self.columns = columns
        self.rows = rows
    }
}
