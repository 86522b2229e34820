// Looking host names up: what needs no asking, what is refused, what comes back.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(1)))
struct ResolverTests {
    @Test func `numeric hosts are answered on the spot`() async throws {
        #expect(
            try await Resolver.resolve(host: "127.0.0.1", port: 80)
                == [SocketAddress(ip: "127.0.0.1", port: 80)])
        #expect(
            try await Resolver.resolve(host: "::1", port: 65_535)
                == [SocketAddress(ip: "::1", port: 65_535)])
    }

    @Test func `localhost is found, each address once, with the port`() async throws {
        let found = try await Resolver.resolve(host: "localhost", port: 4242)
        #expect(!found.isEmpty && Set(found).count == found.count)
        #expect(found.allSatisfy { $0.port == 4242 })
        #expect(found.contains { $0.ip == "127.0.0.1" || $0.ip == "::1" })
    }

    @Test(arguments: [
        "", "a\0b", String(repeating: "a", count: 64) + ".example",
        String(repeating: "abc.", count: 64), "a..b", ".", ".a",
        String(repeating: "a.", count: 127) + "ab", "\0", "1.2.3", "0x7f.1", "127.0.0.0x1",
        "0x7f000001", "[::1]", ":::", "fe80::1%", "0x\(String(repeating: "0", count: 246))7f000001",
    ])
    func `what cannot be a host name is refused before anybody is asked`(_ host: String)
        async throws
    {
        await #expect {
            try await Resolver.resolve(host: host, port: 80)
        } throws: { error in
            (error as? ReactorError)?.code == .invalidArgument
        }
    }

    @Test func `the longest names pass the check`() throws {
        let label = String(repeating: "a", count: 63)
        let longest = "\(label).\(label).\(label).\(label.dropLast(2))"
        #expect(longest.utf8.count == 253)
        try Resolver.check(longest)
        try Resolver.check(longest + ".")
        try Resolver.check("_service.example.")
    }

    @Test(arguments: [-1, 65_536, Int.max])
    func `a port out of range is refused`(_ port: Int) async throws {
        await #expect(throws: ReactorError.self) {
            try await Resolver.resolve(host: "localhost", port: port)
        }
    }

    @Test func `a name that cannot exist has a typed error that names it`() async throws {
        await #expect {
            try await Resolver.resolve(host: "no-such-host.invalid", port: 80)
        } throws: { error in
            // Without a name server the answer is "try again".
            guard let error = error as? ReactorError else { return false }
            let codes: [ReactorError.Code] = [
                .hostNotFound, .hostHasNoAddress, .lookupUnavailable, .lookupFailed,
            ]
            return codes.contains(error.code) && error.description.contains("no-such-host.invalid")
        }
    }

    @Test func `a cancelled caller is not kept waiting`() async throws {
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await Resolver.resolve(host: "localhost", port: 1)
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `the C library's codes become libuv's`() {
        #expect(ReactorError.Code(lookupStatus: -2, errno: 0).name == "EAI_NONAME")
        #expect(ReactorError.Code(lookupStatus: -3, errno: 0).name == "EAI_AGAIN")
        #expect(ReactorError.Code(lookupStatus: -4, errno: 0).name == "EAI_FAIL")
        #expect(ReactorError.Code(lookupStatus: -5, errno: 0).name == "EAI_NODATA")
        #expect(ReactorError.Code(lookupStatus: -10, errno: 0) == .outOfMemory)
        #expect(ReactorError.Code(lookupStatus: -11, errno: 24) == .tooManyOpenFiles)
        #expect(ReactorError.Code(lookupStatus: -11, errno: 0) == .lookupFailed)
        #expect(ReactorError.Code(lookupStatus: -999, errno: 0) == .lookupFailed)
    }
}
