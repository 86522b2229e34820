// A copy between streams, from end to end.

import Testing
@testable import Reactor

/// Writes `bytes` to `client`, copies them from `front` to `back`, and expects them at `server`.
func expectCopied(
    _ bytes: [UInt8], _ client: some ByteWriter, _ front: some ByteReader,
    _ back: some ByteWriter, _ server: some ByteReader
) async throws {
    async let sending: Void = {
        try await client.write(bytes)
        try await client.finish()
    }()
    async let received = server.readAll()
    #expect(try await copy(from: front, to: back) == bytes.count)
    try await back.finish()
    // Compared first: a failure would print them all.
    let isSame = try await received == bytes
    #expect(isSame)
    try await sending
}
