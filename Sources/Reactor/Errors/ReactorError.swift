// What went wrong in an operation of this library: a code to compare, words to read.

/// An operation failed: the peer, the network, the system or a wrong use stopped it.
///
/// Cancellation is never reported this way (it is `CancellationError`), nor is a deadline
/// (``TimeoutError``), nor the orderly end of a stream (`nil`, or zero bytes).
public struct ReactorError: Error, Sendable {
    /// One word, so that the machines that keep an error stay small: every stream has two.
    private let storage: Storage

    private final class Storage: Sendable {
        let code: Code
        let operation: String
        init(_ code: Code, _ operation: String) {
            self.code = code
            self.operation = operation
        }
    }

    /// What happened, for programs to compare.
    public var code: Code { storage.code }

    /// What was attempted and on what, for people: `"connect to 127.0.0.1:80"`.
    public var operation: String { storage.operation }

    /// Makes an error from its code and the operation that met it.
    public init(_ code: Code, _ operation: String) {
        storage = Storage(code, operation)
    }

    /// A reason for failure: one of libuv's (negative) or one of Reactor's own (positive).
    ///
    /// A struct, not an enumeration, because both lists grow.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// libuv's status where negative, Reactor's own where positive.
        public let rawValue: Int32

        /// Takes any value; one without a name keeps its number in the description.
        public init(rawValue: Int32) { self.rawValue = rawValue }
    }
}

extension ReactorError.Code {
    /// It was closed on this side, by `close()` or `abort()`.
    public static let closed = Self(rawValue: 1)

    /// Another task is already doing this; the first is not disturbed.
    public static let busy = Self(rawValue: 2)

    /// The event loop that owns it has shut down, or is shutting down.
    public static let loopClosed = Self(rawValue: 3)

    /// An argument was refused before anything was done.
    public static let invalidArgument = Self(rawValue: 4)

    /// More bytes came than the limit that was given; they stay readable.
    public static let limitExceeded = Self(rawValue: 5)

    /// The stream ended inside what was asked for; what came stays readable.
    public static let incomplete = Self(rawValue: 6)

    /// `finish()` was called before: this side has said its last.
    public static let finished = Self(rawValue: 7)

    /// A loop already runs on this thread.
    public static let loopRunning = Self(rawValue: 8)

    /// A promise was dropped before it was fulfilled.
    public static let abandoned = Self(rawValue: 9)

    /// The words for Reactor's own codes.
    var ownDescription: String? {
        switch self {
        case .closed: "it was closed on this side"
        case .busy: "another task is already doing this"
        case .loopClosed: "its event loop has shut down"
        case .invalidArgument: "an argument is not valid"
        case .limitExceeded: "the limit was exceeded"
        case .incomplete: "the stream ended too early"
        case .finished: "this side was finished before"
        case .loopRunning: "an event loop already runs on this thread"
        case .abandoned: "the promise was dropped unfulfilled"
        // ENOEXEC, which libuv does not name.
        case .init(rawValue: -8): "no program that this system can run (ENOEXEC)"
        default: nil
        }
    }
}

extension ReactorError: CustomStringConvertible {
    /// The operation, the reason in words, and the reason's name: `bind to [::]:80: permission
    /// denied (EACCES)`.
    public var description: String { "\(operation): \(code)" }
}

extension ReactorError: Hashable {
    /// By code and operation.
    public static func == (left: Self, right: Self) -> Bool {
        left.code == right.code && left.operation == right.operation
    }

    /// By code and operation.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(operation)
    }
}
