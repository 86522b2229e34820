// Kernels that move no bytes by themselves: the same bytes arrive by way of memory. Each test is a
// process of its own, because what the kernel refuses it refuses for good.

import CFaults
import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct TransferFaultsTests {
    @Test(arguments: [ENOSYS, EINVAL])
    func `without splice a copy goes through memory`(_ error: Int32) async {
        await #expect(processExitsWith: .success) { [error = error as Int32] in
            try await withoutLeakingDescriptors {
                try #require(faults_refuse(FAULTS_KERNEL_SPLICE, error))
                #expect(try await splicedInProxy { _ in } == 0)
            }
        }
    }

    @Test func `what a receiver cannot take by splice is written`() async {
        await #expect(processExitsWith: .success) {
            try await withoutLeakingDescriptors {
                let spliced = try await splicedInProxy { back in
                    let number = UInt32(back.core.descriptor.number)
                    // Where to: the third argument.
                    try #require(faults_refuse_argument(FAULTS_KERNEL_SPLICE, 2, number, EINVAL))
                }
                #expect(spliced == 0)
            }
        }
    }

    @Test(
        arguments: [
            (FAULTS_KERNEL_SENDFILE, EINVAL), (FAULTS_KERNEL_SENDFILE, ENOSYS),
            // How the kernel is asked whether pages are in memory.
            (FAULTS_KERNEL_PREADV2, ENOSYS), (FAULTS_KERNEL_PREADV2, EAGAIN),
        ].map { Refused(call: $0.rawValue, error: $1) })
    fileprivate func `a file that the kernel does not send is read on the pool`(
        _ refused: Refused
    ) async {
        await #expect(processExitsWith: .success) { [refused = refused as Refused] in
            try await withoutLeakingDescriptors {
                let call = faults_kernel_call(rawValue: refused.call)
                try #require(faults_refuse(call, refused.error))
                let bytes = Pattern.bytes(1_000_001)
                let (client, server) = try await tcpPair()
                try await withFile(bytes) { file async throws in
                    async let received = server.readAll()
                    #expect(try await client.sendFile(file, range: 0..<bytes.count) == bytes.count)
                    try await client.finish()
                    let isSame = try await received == bytes
                    #expect(isSame)
                }
                let transfers = client.core.core.transfers
                #expect(transfers.copiedFromFiles == bytes.count && transfers.sentFromFiles == 0)
                for stream in [client, server] { stream.abort() }
            }
        }
    }
}

/// One system call, and what the kernel answers.
private struct Refused: Codable {
    let call: UInt32
    let error: Int32
}

/// Copies a million bytes from connection to connection. How many were spliced.
private func splicedInProxy(_ prepare: (TCPStream) throws -> Void) async throws -> Int {
    let bytes = Pattern.bytes(1_000_001)
    let (client, front) = try await tcpPair()
    let (back, server) = try await tcpPair()
    try prepare(back)
    try await expectCopied(bytes, client, front, back, server)
    let spliced = back.core.core.transfers.spliced
    for stream in [client, front, back, server] { stream.abort() }
    return spliced
}
