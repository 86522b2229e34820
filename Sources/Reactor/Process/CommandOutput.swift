// What a command said, and how it ended.

/// The result of a command whose output was collected.
public struct CommandOutput: Sendable, Hashable {
    /// How it ended.
    public var status: ExitStatus
    /// What it wrote.
    public var standardOutput: [UInt8]
    /// What it complained of.
    public var standardError: [UInt8]
    /// What it used; `nil` where that is not known.
    public var resourceUsage: ResourceUsage?
    /// True if something was left out to keep to the limit.
    public var isTruncated: Bool

    /// What it wrote as text; what is not valid UTF-8 is repaired.
    public var text: String { String(decoding: standardOutput, as: UTF8.self) }
    /// What it complained of as text; what is not valid UTF-8 is repaired.
    public var errorText: String { String(decoding: standardError, as: UTF8.self) }
}

extension CommandOutput: CustomStringConvertible {
    /// The status and how much was written: `exited with 1, 0 bytes of output, 12 of errors`.
    public var description: String {
        "\(status), \(standardOutput.count) bytes of output, \(standardError.count) of errors"
            + (isTruncated ? ", truncated" : "")
    }
}

extension Command {
    /// What happens when an output is longer than the limit.
    public enum LimitPolicy: Hashable, Sendable {
        /// The child is ended, and ``ReactorError/Code/limitExceeded`` thrown.
        case fail
        /// The first bytes are kept; the child runs on.
        case keepHead
        /// The last bytes are kept; the child runs on.
        case keepTail
    }

    /// Runs the command and returns all that it wrote, how it ended and what it used.
    ///
    /// Both outputs are collected side by side, each up to `limitBytes`; the standard input is
    /// empty. The command may say otherwise of any of the three. What the child has started and
    /// left behind does not hold this up: see ``outputGrace``. A child that fails is no error: look
    /// at the status. On a terminal, what it shows is the output.
    ///
    /// Suspends until the child has ended. Cancelling ends it: SIGTERM, then SIGKILL after `grace`.
    ///
    /// - Throws: ``ReactorError/Code/limitExceeded``; what starting the child throws, see
    ///   ``spawn()``; `CancellationError`.
    ///
    /// libuv: `uv_spawn`, here `clone` and `execve`.
    public func output(
        limitBytes: Int = 1 << 20, atLimit: LimitPolicy = .fail, grace: Duration = .seconds(5)
    ) async throws -> CommandOutput {
        try await output(limitBytes: limitBytes, atLimit: atLimit, grace: grace) {}
    }

    /// Calls `settled` when the child has been started, or could not be.
    func output(
        limitBytes: Int, atLimit: LimitPolicy, grace: Duration, _ settled: @Sendable () -> Void
    ) async throws -> CommandOutput {
        guard limitBytes >= 0 else {
            throw ReactorError(
                .invalidArgument, "collect at most \(limitBytes) bytes of \(shownProgram)")
        }
        let command = self.settled(input: .null, output: .pipe, error: .pipe)
        let (status, result) = try await command.scoped(grace, started: settled) { child in
            let loop = child.loop
            let (_, output, error, terminal) = child.pipes
            // One after the other would fill the pipe of the second.
            let second = Task(executorPreference: loop) {
                try await Collector.collect(error, limitBytes, atLimit, "standard error", child)
            }
            do {
                let first = try await withTaskCancellationHandler {
                    try await terminal != nil
                        ? Collector.collect(terminal, limitBytes, atLimit, "terminal", child)
                        : Collector.collect(output, limitBytes, atLimit, "standard output", child)
                } onCancel: {
                    second.cancel()
                }
                let rest = try await withTaskCancellationHandler {
                    try await second.value
                } onCancel: {
                    second.cancel()
                }
                try await child.waitUntilExit()
                return (first, rest, child.resourceUsage)
            } catch {
                second.cancel()
                _ = await second.result
                throw error
            }
        }
        return CommandOutput(
            status: status, standardOutput: result.0.bytes, standardError: result.1.bytes,
            resourceUsage: result.2, isTruncated: result.0.isTruncated || result.1.isTruncated)
    }
}

/// Reads to the end, keeping no more than it may.
private enum Collector {
    struct Kept: Sendable {
        var bytes: [UInt8] = []
        var isTruncated = false
    }

    static func collect(
        _ reader: (any ByteReader)?, _ limit: Int, _ policy: Command.LimitPolicy, _ name: String,
        _ child: ChildProcess
    ) async throws -> Kept {
        var kept = Kept()
        guard let reader else { return kept }
        while let chunk = try await reader.read(upTo: 65_536) {
            if kept.bytes.count + chunk.count <= limit {
                kept.bytes += chunk
                continue
            }
            kept.isTruncated = true
            switch policy {
            case .fail:
                throw ReactorError(
                    .limitExceeded,
                    "collect at most \(limit) bytes of the \(name) of \(child.description)")
            case .keepHead: kept.bytes += chunk.prefix(limit - kept.bytes.count)
            case .keepTail:
                kept.bytes += chunk
                // Twice as much at times, so that little is moved.
                if kept.bytes.count > 2 * limit + 65_536 { kept.bytes = kept.bytes.suffix(limit) }
            }
        }
        if kept.bytes.count > limit { kept.bytes = Array(kept.bytes.suffix(limit)) }
        return kept
    }
}
