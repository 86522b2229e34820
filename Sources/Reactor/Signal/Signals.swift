// Signals as an asynchronous sequence.

/// Signals as they come.
///
/// ```swift
/// for try await signal in try Signals(.interrupt, .hangup) {
///     if signal == .interrupt { break }
///     try await reload()
/// }
/// ```
///
/// From when this is made until it is dropped its signals no longer do what they did before, end
/// the process as a rule: they wait here. Any number may listen, on any loops and none, and each
/// gets every signal. What comes several times before it is taken is one, as in the kernel.
/// When the last listener of a signal goes, the former disposition returns; a signal that came and
/// that nobody took is gone then. Dropping it is all the clean-up there is.
///
/// A thread of the library's passes signals on; handlers of others for the same signal are not
/// called meanwhile, but for SIGCHLD's.
///
/// libuv: `uv_signal_t`, here `sigaction`.
public final class Signals: AsyncSequence, Sendable {
    private let inbox: SignalInbox

    /// Listens for `signals`; registration is complete when this returns.
    ///
    /// Does not suspend. A signal that comes next is not lost and does not end the process.
    ///
    /// - Throws: ``ReactorError/Code/invalidArgument`` for none at all, and for what cannot be
    ///   caught: SIGKILL, SIGSTOP, the errors of the processor (SIGSEGV, SIGBUS, SIGILL, SIGFPE),
    ///   numbers that are no signal or the C library's own. Nothing has changed then, nor where
    ///   the system has no thread to give.
    ///
    /// libuv: `uv_signal_start`, here `sigaction`.
    public convenience init(_ signals: Signal...) throws(ReactorError) { try self.init(signals) }

    /// Listens for `signals`, as with a list of them.
    ///
    /// - Throws: As ``init(_:)-(Signal...)``.
    ///
    /// libuv: `uv_signal_start`, here `sigaction`.
    public init(_ signals: [Signal]) throws(ReactorError) {
        inbox = SignalInbox(try Self.mask(of: signals))
        try SignalDispatcher.shared.add(inbox)
    }

    deinit { SignalDispatcher.shared.remove(inbox) }

    /// The next signal.
    ///
    /// Suspends until there is one. Cancelling throws `CancellationError` and loses none. One task
    /// waits at a time; who needs each signal twice makes two listeners.
    ///
    /// - Throws: `CancellationError`; ``ReactorError/Code/busy``;
    ///   ``ReactorError/Code/loopClosed`` if the caller's loop shuts down.
    public func next() async throws -> Signal {
        try Task.checkCancellation()
        switch await SignalWait(inbox).run() {
        case .signal(let number): return Signal(rawValue: number)
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// Checked before anything is installed.
    static func mask(of signals: [Signal]) throws(ReactorError) -> SignalMask {
        if signals.isEmpty { throw ReactorError(.invalidArgument, "listen for no signal") }
        var mask: SignalMask = []
        for signal in signals {
            guard (1...64).contains(signal.rawValue), !uncatchable.contains(signal) else {
                throw ReactorError(.invalidArgument, "listen for \(signal)")
            }
            mask.insert(SignalMask(number: signal.rawValue))
        }
        return mask
    }

    /// The kernel's two, and those that return to the instruction which raised them, for ever.
    private static let uncatchable: Set<Signal> = [
        .kill, .stop, .segmentationFault, .busError, .illegalInstruction, .arithmeticError,
    ]

    /// Takes signals on each call.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let signals: Signals

        /// The next signal, never `nil`: as ``Signals/next()``.
        public mutating func next() async throws -> Signal? { try await signals.next() }

        /// As ``next()``.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> Signal? {
            try await signals.next()
        }
    }

    /// Begins to wait; the listener lives as long as the iterator.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(signals: self) }
}
