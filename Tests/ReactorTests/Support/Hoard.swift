// Descriptors taken away, so that calls find none: for exit tests, which have their own.

import Foundation
import Testing

@testable import Reactor

/// Every descriptor that the process may have, or all but a few, until `release`.
///
/// A thread that closes a file, Dispatch's or one that has just ended, makes room for another. So
/// what must find none is looked at again, behind a table that is filled anew.
final class Hoard: Sendable {
    private let kept = Locked<[Descriptor]>([])

    /// Lowers the limit first, so that a few hundred are enough.
    init(leaving free: Int = 0) throws {
        var limit = rlimit()
        // SAFETY: both calls read or write the one variable.
        try #require(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        limit.rlim_cur = 256
        try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        fill(leaving: free)
    }

    /// Takes what there is now, and gives so many back.
    func fill(leaving free: Int = 0) {
        kept.withLock { kept in
            while case let number = dup(2), number >= 0 { kept.append(Descriptor(number: number)) }
            for _ in 0..<free { kept.popLast()?.close() }
        }
    }

    func release() {
        kept.withLock { kept in
            while let descriptor = kept.popLast() { descriptor.close() }
        }
    }

    /// Expects that `body` fails for want of a descriptor where so many are free. It must have
    /// closed what it made if it succeeds, as it may where there was room again.
    func expectRefusal(
        leaving free: Int = 0, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async {
        for _ in 0..<100 {
            fill(leaving: free)
            do { try await body() } catch {
                let code = ReactorError.Code(error)
                #expect(code == .tooManyOpenFiles, "\(error)", sourceLocation: sourceLocation)
                return
            }
        }
        Issue.record("never refused, with \(free) free", sourceLocation: sourceLocation)
    }
}
