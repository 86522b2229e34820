// Addresses of Unix sockets: paths and abstract names, as values, as text and in the kernel's form.

import SystemPackage
import Testing

@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct UnixAddressTests {
    @Test(arguments: ["/run/x.sock", "x", "./x", "../a b/c", "/tmp/hé", "unix:x", "/@x"])
    func `a path prints as it was, and has no port`(_ path: String) throws {
        let address = try SocketAddress(path: path)
        #expect(address.family == .unix)
        #expect(address.path == FilePath(path))
        #expect(address.abstractName == nil && !address.isUnnamed)
        #expect(address.port == 0 && address.ip == "" && address.scopeID == 0)
        #expect(address.with(port: 80) == address)
        #expect(address.description == "unix:\(path)")
        #expect(try SocketAddress("unix:\(path)") == address)
        #expect(try SocketAddress(path: FilePath(path)) == address)
    }

    @Test func `a path that looks like an abstract name is told apart`() throws {
        let path = try SocketAddress(path: "@x")
        #expect(path.description == "unix:./@x")
        #expect(path.path == "@x" && path.abstractName == nil)
        #expect(try SocketAddress("unix:@x").path == nil)
    }

    @Test(arguments: [
        ("x", "unix:@x"), ("a b/c@", "unix:@a b/c@"), ("a\0b", "unix:@a\\x00b"),
        ("hé", "unix:@h\\xc3\\xa9"), ("\\x00", "unix:@\\x5cx00"), ("\n", "unix:@\\x0a"),
    ])
    func `an abstract name prints so that it can be parsed`(_ name: String, _ text: String) throws {
        let address = try SocketAddress(abstractName: name)
        #expect(address.description == text)
        #expect(address.abstractName == Array(name.utf8))
        #expect(address.path == nil)
        #expect(try SocketAddress(text) == address)
    }

    @Test func `escapes are read in either case, and bytes without them too`() throws {
        let address = try SocketAddress(abstractName: [0xC3, 0xA9])
        #expect(try SocketAddress("unix:@é") == address)
        #expect(try SocketAddress("unix:@\\xC3\\xA9") == address)
    }

    /// libuv 1.44 binds what fits of a longer path (PITFALLS D7).
    @Test(arguments: [108, 109, 150, 5_000])
    func `what is too long is refused, not cut`(_ count: Int) throws {
        let text = String(repeating: "p", count: count)
        for make: () throws -> SocketAddress in [
            { try SocketAddress(path: text) }, { try SocketAddress(path: FilePath(text)) },
            { try SocketAddress(abstractName: text) }, { try SocketAddress("unix:\(text)") },
        ] {
            let error = #expect(throws: ReactorError.self) { try make() }
            #expect(error?.code == .invalidArgument)
            #expect(error?.description.contains("107") == true)
        }
    }

    @Test func `107 bytes fit`() throws {
        let text = String(repeating: "p", count: 107)
        #expect(try SocketAddress(path: text).path == FilePath(text))
        #expect(try SocketAddress(abstractName: text).abstractName?.count == 107)
    }

    @Test func `nothing, and zero bytes, are refused`() throws {
        for make: () throws -> SocketAddress in [
            { try SocketAddress(path: "") }, { try SocketAddress(path: FilePath("")) },
            { try SocketAddress(path: "a\0b") }, { try SocketAddress(path: "\0") },
            { try SocketAddress(abstractName: "") },
        ] {
            let error = #expect(throws: ReactorError.self) { try make() }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test func `equal addresses hash alike, others differ`() throws {
        let make = {
            [
                try SocketAddress(path: "x"), try SocketAddress(path: "./x"),
                try SocketAddress(abstractName: "x"), try SocketAddress(abstractName: "x\0"),
                .unnamed, try SocketAddress("127.0.0.1:0"),
            ]
        }
        #expect(try Set(make() + make()).count == 6)
    }

    @Test func `the kernel's form leads back to the same address`() throws {
        let name = "reactor-tests-\(UInt64.random(in: 0...(.max)))"
        for address in [
            try SocketAddress(abstractName: name + "\0\0"),
            try SocketAddress(
                abstractName: name + String(repeating: "n", count: 107 - name.utf8.count)),
        ] {
            let descriptor = try Descriptor.streamSocket(.unix)
            defer { descriptor.close() }
            #expect(try descriptor.localAddress() == .unnamed)
            try descriptor.bind(to: address)
            #expect(try descriptor.localAddress() == address)
        }
    }

    @Test func `the value has not grown: every stream keeps one`() {
        #expect(MemoryLayout<SocketAddress>.size == 23)
        #expect(MemoryLayout<StreamCore.Peer>.size == 23)
    }

    @Test func `no TCP call takes such an address`() async throws {
        let address = try SocketAddress(path: "/nowhere")
        await expect(.invalidArgument) { try await TCPStream.connect(to: address) }
        await expect(.invalidArgument) { try await TCPListener.bind(to: address) }
    }
}
