// What is refused before anybody is asked, and what is not.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct HostNameTests {
    @Test func `the longest names pass the check`() throws {
        let label = String(repeating: "a", count: 63)
        let longest = "\(label).\(label).\(label).\(label.dropLast(2))"
        #expect(longest.utf8.count == 253)
        try HostName.check(longest)
        try HostName.check(longest + ".")
        try HostName.check("_service.example.")
        try HostName.check("xn--bcher-kva.example")
        #expect(throws: ReactorError.self) { try HostName.check(longest + "a") }
        #expect(throws: ReactorError.self) { try HostName.check(label + "a.example") }
    }

    @Test func `an error about an endless name is not endless`() {
        let error = #expect(throws: ReactorError.self) {
            try HostName.check(String(repeating: "a", count: 1_000_000))
        }
        #expect((error?.description.count ?? .max) < 300)
    }

    @Test(arguments: [Int.min, -1, 65_536, Int.max])
    func `a port out of range is refused, wherever one is given`(_ port: Int) async throws {
        await expect(.invalidArgument) {
            try await SystemResolver.shared.addresses(of: "a", port: port)
        }
        await expect(.invalidArgument) {
            try await SystemResolver.shared.addresses(of: "127.0.0.1", port: port)
        }
        await expect(.invalidArgument) { try await TCPStream.connect(host: "::1", port: port) }
        await expect(.invalidArgument) { try await TCPListener.bind(host: "::1", port: port) }
        #expect(throws: ReactorError.self) { try SocketAddress(ip: "::1", port: port) }
    }

    @Test(arguments: ["", "\0", "ht\0tp", String(repeating: "x", count: 256)])
    func `what cannot be a service is refused`(_ service: String) async throws {
        let resolver = SystemResolver()
        await expect(.invalidArgument) {
            try await resolver.addresses(of: "localhost", service: service)
        }
        #expect(resolver.statistics.calls == 0)
    }

    /// Random bytes, and names with one thing wrong: never a trap, always an address, a name that
    /// may be asked for, or a typed error.
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func `any text at all is read or refused`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let seeds = [
            "127.0.0.1", "[::1]:80", "fe80::1%lo", "example.com", "::ffff:1.2.3.4", "0x7f.1:1",
            "1.2.3.4:65535", "[fe80::1%1]:0", "a.b.c.", "%", "::%", "\u{0}", "é.example",
        ].map { Array($0.utf8) }
        for _ in 0..<5_000 {
            var bytes = seeds.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                let byte = UInt8.random(in: 0...255, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.insert(byte, at: Int.random(in: 0...bytes.count, using: &random))
                case 1 where !bytes.isEmpty:
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = byte
                case 2 where !bytes.isEmpty:
                    bytes.remove(at: Int.random(in: 0..<bytes.count, using: &random))
                default: bytes += bytes
                }
            }
            AddressFuzz.run(bytes)
        }
    }
}
