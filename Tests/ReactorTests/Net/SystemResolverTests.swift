// The system's resolver: what needs no asking, what comes back, who shares a call.

import CFaults
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct SystemResolverTests {
    private let resolver = SystemResolver(name: "test-dns")

    private var threads: Int { resolver.poolStatistics.threads }

    @Test func `numeric hosts are answered without a thread`() async throws {
        for host in ["127.0.0.1", "::1", "255.255.255.255", "fe80::1%lo", "::ffff:1.2.3.4"] {
            for port in [0, 80, 65_535] {
                let found = try await resolver.addresses(of: host, port: port)
                #expect(found == [try SocketAddress(ip: host, port: port)])
            }
        }
        #expect(try await resolver.addresses(of: "fe80::1%lo", port: 1)[0].scopeID == 1)
        #expect(
            try await resolver.addresses(of: "::1", service: "80")
                == [SocketAddress(ip: "::1", port: 80)])
        #expect(threads == 0 && resolver.statistics == .init())
    }

    @Test(arguments: [
        "", "a\0b", String(repeating: "a", count: 64) + ".example",
        String(repeating: "abc.", count: 64), "a..b", ".", ".a",
        String(repeating: "a.", count: 127) + "ab", "\0", "1.2.3", "0x7f.1", "127.0.0.0x1",
        "0x7f000001", "[::1]", ":::", "fe80::1%", "127.0.0.1\0.example",
        "0x\(String(repeating: "0", count: 246))7f000001",
        "0x\(String(repeating: "0", count: 246))7f000001.example.com",
    ])
    func `what cannot be a host name is refused without a thread`(_ host: String) async throws {
        await expect(.invalidArgument) { try await resolver.addresses(of: host, port: 80) }
        await expect(.invalidArgument) { try await resolver.addresses(of: host, service: "http") }
        #expect(threads == 0 && resolver.statistics == .init())
    }

    @Test func `localhost is found, each address once, with the port`() async throws {
        let found = try await resolver.addresses(of: "localhost", port: 4242)
        #expect(!found.isEmpty && Set(found).count == found.count)
        #expect(found.allSatisfy { $0.port == 4242 })
        #expect(found.contains { $0.ip == "127.0.0.1" || $0.ip == "::1" })
        let four = try await resolver.addresses(of: "localhost", port: 1, family: .ipv4)
        #expect(four == [.loopback(port: 1)])
        #expect(resolver.statistics.calls == 2 && resolver.statistics.inFlight == 0)
    }

    @Test func `a service has a port by its name`() async throws {
        #expect(
            try await resolver.addresses(of: "127.0.0.1", service: "https")
                == [.loopback(port: 443)])
        await expect(.serviceNotFound) {
            try await resolver.addresses(of: "127.0.0.1", service: "no-such-service")
        }
        await expect(.invalidArgument) {
            try await resolver.addresses(of: "127.0.0.1", service: "65536")
        }
        await expect(.invalidArgument) {
            try await resolver.addresses(of: "::1", service: "99999999999999999999")
        }
    }

    @Test func `a numeric host keeps to the family, as in the C library`() async throws {
        let mapped = try SocketAddress(ip: "::ffff:127.0.0.1", port: 9)
        #expect(
            try await resolver.addresses(
                of: "127.0.0.1", port: 9, family: .ipv6, flags: .mapped) == [mapped])
        for (host, family) in [("127.0.0.1", SocketAddress.Family.ipv6), ("::1", .ipv4)] {
            await expect(.hostFamilyMismatch) {
                try await resolver.addresses(of: host, port: 9, family: family)
            }
            let asked = AddressLookup.Question(host: host, family: family, isNumeric: true)
            #expect(throws: ReactorError(.hostFamilyMismatch, "look up \(host)")) {
                try AddressLookup.addresses(asked)
            }
        }
        await expect(.invalidArgument) {
            try await resolver.addresses(of: "localhost", port: 9, family: .unix)
        }
    }

    @Test func `an address has a name`() async throws {
        let name = try await resolver.name(of: .loopback(port: 80))
        #expect(name.hasPrefix("localhost") || name.contains("."))
        await expect(.invalidArgument) {
            try await resolver.name(of: try SocketAddress(path: "/run/x"))
        }
    }

    @Test func `a name that cannot exist has a typed error that names it`() async throws {
        // Asked for as a number, the C library answers by itself: no name server hears of it.
        let resolver = SystemResolver(name: "test-dns") { question throws(ReactorError) in
            #expect(!question.isNumeric)
            var question = question
            question.isNumeric = true
            return try AddressLookup.addresses(question)
        } findName: { address throws(ReactorError) in
            try AddressLookup.name(of: address)
        }
        await #expect(throws: ReactorError(.hostNotFound, "look up no-such-host.invalid")) {
            try await resolver.addresses(of: "no-such-host.invalid", port: 80)
        }
        #expect(resolver.statistics.calls == 1 && resolver.statistics.inFlight == 0)
    }

    @Test func `a cancelled task asks nobody`() async throws {
        let calls: [@Sendable () async throws -> Void] = [
            { [resolver] in _ = try await resolver.addresses(of: "localhost", port: 1) },
            { [resolver] in _ = try await resolver.addresses(of: "::1", port: 1) },
            { [resolver] in _ = try await resolver.addresses(of: "localhost", service: "http") },
            { [resolver] in _ = try await resolver.name(of: .loopback(port: 1)) },
            { _ = try await TCPStream.connect(host: "localhost", port: 1) },
        ]
        for call in calls { #expect(try await cancelled(call) == .cancelled) }
        #expect(resolver.statistics == .init())
    }

    @Test func `a hundred look-ups at once are all answered`() async throws {
        let sum = try await withThrowingTaskGroup(of: Int.self) { [resolver] group in
            for port in 1...100 {
                group.addTask { try await resolver.addresses(of: "localhost", port: port)[0].port }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 5050)
        #expect(resolver.statistics.inFlight == 0)
    }

    @Test func `the C library's codes become libuv's, each with a name here`() {
        let table: [(Int32, Int32, ReactorError.Code, String)] = [
            (-1, 0, .lookupFlagsRefused, "EAI_BADFLAGS"), (-2, 0, .hostNotFound, "EAI_NONAME"),
            (-3, 0, .lookupUnavailable, "EAI_AGAIN"), (-4, 0, .lookupFailed, "EAI_FAIL"),
            (-5, 0, .hostHasNoAddress, "EAI_NODATA"), (-6, 0, .lookupFamilyRefused, "EAI_FAMILY"),
            (-7, 0, .lookupKindRefused, "EAI_SOCKTYPE"), (-8, 0, .serviceNotFound, "EAI_SERVICE"),
            (-9, 0, .hostFamilyMismatch, "EAI_ADDRFAMILY"), (-10, 0, .outOfMemory, "ENOMEM"),
            (-11, 24, .tooManyOpenFiles, "EMFILE"), (-11, 0, .lookupFailed, "EAI_FAIL"),
            (-12, 0, .lookupOverflow, "EAI_OVERFLOW"), (-999, 0, .lookupFailed, "EAI_FAIL"),
        ]
        for (status, errno, code, name) in table {
            #expect(ReactorError.Code(lookupStatus: status, errno: errno) == code, "\(status)")
            #expect(code.name == name)
        }
    }
}

extension SystemResolver {
    /// Of its threads.
    var poolStatistics: BlockingPool.Statistics { pool.statistics }
}
