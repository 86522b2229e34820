// Closing over bytes that nobody has read: what was written must still arrive.

import Foundation
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct TCPCloseTests {
    /// The kernel resets a connection that is closed over unread bytes, and drops what it has not
    /// sent: a peer that reads slowly would lose the end of its answer.
    @Test func `what was written arrives although the peer's bytes were never read`() async throws {
        var options = TCPOptions()
        options.sendBufferBytes = 1 << 20
        let listener = try await TCPListener.bind(to: .loopback(port: 0), options: options)
        let peer = try Descriptor.streamSocket(.ipv4)
        defer { peer.close() }
        // Small, so that most of the answer waits in the server's kernel.
        try peer.setOption(SOL_SOCKET, SO_RCVBUF, Int32(4096))
        _ = try peer.connect(to: listener.localAddress)
        peer.wait(for: POLLOUT)
        let stream = try await listener.accept()
        listener.close()

        let question = Pattern.bytes(100_000)
        #expect(peer.send(question) == question.count)
        try await until { stream.core.inbound.unread >= Inbound.highMark }
        let answer = Pattern.bytes(300_000)
        try await stream.write(answer)
        try await until { stream.core.outbound.pending == 0 }
        await stream.close()

        var received: [UInt8] = []
        while received.count <= answer.count {
            peer.wait(for: POLLIN)
            guard let bytes = peer.receive() else { break }
            if bytes.isEmpty { break }
            received += bytes
        }
        // As truths: a difference of two long arrays takes minutes to describe.
        let isWhole = received == answer
        #expect(isWhole, "\(received.count) of \(answer.count) bytes")
        #expect(try peer.takeError() == nil)
    }
}
