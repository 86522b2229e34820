// A value that somebody will bring: the bridge from callbacks to tasks.

/// The side that brings the value of a ``Future``.
///
/// ```swift
/// let promise = Promise<Int>()
/// library.request { promise.succeed($0) }         // on whatever thread it likes
/// let answer = try await promise.future.value
/// ```
///
/// Complete it from any thread, without waiting; the first time counts. One that is dropped before
/// that fails its future with ``ReactorError/Code/abandoned`` and the place where it was made, so
/// that nobody waits for ever for a callback that was lost.
public final class Promise<Value: Sendable>: Sendable {
    /// What may be awaited, by any number of tasks.
    public let future: Future<Value>

    /// Makes a promise; its name, or the place of this call, appears in the error of one that is
    /// dropped.
    public init(name: String? = nil, fileID: String = #fileID, line: Int = #line) {
        future = Future(name: name, SourcePlace(fileID, line))
    }

    deinit {
        if future.result != nil { return }
        future.complete(.failure(ReactorError(.abandoned, "await \(future.subject)")))
    }

    /// Fulfils it with a value.
    ///
    /// - Returns: False if it was completed before: nothing changes then.
    @discardableResult
    public func succeed(_ value: Value) -> Bool { future.complete(.success(value)) }

    /// Completes it with an error, which everybody who awaits it gets.
    ///
    /// - Returns: False if it was completed before: nothing changes then.
    @discardableResult
    public func fail(_ error: any Error) -> Bool { future.complete(.failure(error)) }

    /// Completes it with a value or an error.
    ///
    /// - Returns: False if it was completed before: nothing changes then.
    @discardableResult
    public func complete(with result: Result<Value, any Error>) -> Bool {
        future.complete(result)
    }
}

extension Promise where Value == Void {
    /// Fulfils it.
    ///
    /// - Returns: False if it was completed before: nothing changes then.
    @discardableResult
    public func succeed() -> Bool { succeed(()) }
}
