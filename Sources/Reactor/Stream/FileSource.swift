// Reading what cannot be polled, such as a file given as standard input: on the blocking pool.

/// One open file, read from where it stands. Its descriptor stays the owner's.
final class FileSource: Sendable {
    private enum State { case idle, reading, closed }

    private let descriptor: Descriptor
    private let name: String
    private let state = Locked(State.idle)
    private let released: @Sendable () -> Void

    init(_ descriptor: Descriptor, _ name: String, released: @escaping @Sendable () -> Void) {
        self.descriptor = descriptor
        self.name = name
        self.released = released
    }

    func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        guard !buffer.isEmpty else {
            throw ReactorError(.invalidArgument, "read into an empty buffer")
        }
        // The borrow lasts until this function returns, which is not before the read is over.
        let memory = Unchecked(BorrowedMemory(&buffer))
        return try await reading { self.descriptor.read(into: memory.value) }
    }

    func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        guard maxBytes > 0 else {
            throw ReactorError(.invalidArgument, "read up to \(maxBytes) bytes")
        }
        var buffer = [UInt8](repeating: 0, count: min(maxBytes, 65_536))
        var span = buffer.mutableSpan
        let count = try await read(into: &span)
        if count == 0 { return nil }
        buffer.removeLast(buffer.count - count)
        return buffer
    }

    private func reading(_ call: @Sendable () -> Int) async throws -> Int {
        try Task.checkCancellation()
        try begin()
        let count: Int
        do { count = try await blocking { call() } } catch {
            try end()
            throw error
        }
        try end()
        if count >= 0 { return count }
        throw ReactorError(.init(rawValue: Int32(count)), "read from \(name)")
    }

    private func begin() throws(ReactorError) {
        let code: ReactorError.Code? = state.withLock { state in
            switch state {
            case .idle:
                state = .reading
                return nil
            case .reading: return .busy
            case .closed: return .closed
            }
        }
        if let code { throw ReactorError(code, "read from \(name)") }
    }

    private func end() throws(ReactorError) {
        let isClosed = state.withLock { state in
            if case .closed = state { return true }
            state = .idle
            return false
        }
        if isClosed { throw ReactorError(.closed, "read from \(name)") }
    }

    func close() {
        let isFirst = state.withLock { state in
            if case .closed = state { return false }
            state = .closed
            return true
        }
        if isFirst { released() }
    }
}
