// One round of fuzzing over everything that reads an address or a name.

import Testing
@testable import Reactor

enum AddressFuzz {
    /// Reads `bytes` in every way there is. What was understood must print as what is understood
    /// as the same.
    static func run(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let address = try? SocketAddress(text) {
            #expect((try? SocketAddress(address.description)) == address, "\(bytes)")
        }
        if let address = try? SocketAddress(ip: text, port: 7) {
            #expect((try? SocketAddress(ip: address.ip, port: 7)) == address, "\(bytes)")
            #expect(!text.utf8.contains(0), "\(bytes)")
        }
        if (try? HostName.check(text)) != nil {
            #expect(!text.isEmpty && !text.utf8.contains(0) && text.utf8.count <= 254, "\(bytes)")
        }
        _ = try? SocketAddress(path: text)
        _ = try? HostName.check(service: text)
    }
}
