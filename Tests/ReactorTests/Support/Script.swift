// A reader that gives its bytes in the pieces that a test wants.

@testable import Reactor

/// Gives one piece a read, or as much of it as is asked for. Never waits.
final class Script: ByteReader {
    private let pieces: Locked<[[UInt8]]>

    /// `bytes` cut at `splits`, which ascend; empty pieces are left out.
    init(_ bytes: [UInt8], splitAt splits: [Int]) {
        let bounds = [0] + splits + [bytes.count]
        let cut = zip(bounds, bounds.dropFirst()).map { Array(bytes[$0..<$1]) }
        pieces = Locked(cut.filter { !$0.isEmpty })
    }

    /// How many bytes have not been read.
    var left: Int { pieces.withLock { $0.reduce(0) { $0 + $1.count } } }

    func read(into buffer: inout MutableSpan<UInt8>) async throws -> Int {
        guard !buffer.isEmpty else { throw ReactorError(.invalidArgument, "") }
        guard let piece = try await read(upTo: buffer.count) else { return 0 }
        for index in piece.indices { buffer[index] = piece[index] }
        return piece.count
    }

    func read(upTo maxBytes: Int) async throws -> [UInt8]? {
        guard maxBytes > 0 else { throw ReactorError(.invalidArgument, "") }
        return pieces.withLock { pieces in
            guard let first = pieces.first else { return nil }
            if first.count <= maxBytes { return pieces.removeFirst() }
            pieces[0].removeFirst(maxBytes)
            return Array(first[..<maxBytes])
        }
    }
}
