// Connecting to those who do not answer, by address and by name.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

extension Operation {
    /// What connects, looks up, or takes a descriptor over.
    static let connections = tcp + unix + pipes + names

    private static let tcp = [
        Operation("TCPStream.connect(to:options:)") { attempt in
            let (address, open) = try blackhole()
            try await attempt { _ = try await TCPStream.connect(to: address) }
            for descriptor in open { descriptor.close() }
        },
        Operation("TCPStream.connect(host:port:options:resolver:)") {
            try await $0 {
                _ = try await TCPStream.connect(host: "name", port: 1, resolver: SilentResolver())
            }
        },
        Operation("TCPStream.connect(host:port:options:resolver:)") { attempt in
            let (address, open) = try blackhole()
            let resolver = FixedResolver(answer: [address, address])
            try await attempt {
                _ = try await TCPStream.connect(host: "name", port: 1, resolver: resolver)
            }
            for descriptor in open { descriptor.close() }
        },
        Operation("TCPStream.withConnection(to:options:_:)") { attempt in
            let listener = try await TCPListener.bind(to: .loopback(port: 0))
            let address = listener.localAddress
            try await attempt {
                try await TCPStream.withConnection(to: address) { _ in try await forever() }
            }
            listener.close()
        },
        Operation("TCPStream.withConnection(host:port:options:resolver:_:)") { attempt in
            let listener = try await TCPListener.bind(to: .loopback(port: 0))
            let port = listener.localAddress.port
            try await attempt {
                try await TCPStream.withConnection(host: "127.0.0.1", port: port) { _ in
                    try await forever()
                }
            }
            listener.close()
        },
        Operation("TCPStream.information()", kind: .prompt) { attempt in
            let (near, far) = try await tcpPair()
            try await attempt { _ = try await near.information() }
            await near.close()
            await far.close()
        },
        adopting("TCPStream.adopt(_:)", connection) { _ = try await TCPStream.adopt($0) },
    ]

    private static let unix = [
        // The backlog is full: it is tried again and again.
        Operation("UnixStream.connect(to:options:)") { attempt in
            let (address, open) = try fullBacklog(try anyName())
            try await attempt { _ = try await UnixStream.connect(to: address) }
            for descriptor in open { descriptor.close() }
        },
        Operation("UnixStream.connect(path:options:)") { attempt in
            try await withDirectory { directory in
                let path = directory.appending("socket")
                let (_, open) = try fullBacklog(SocketAddress(path: path))
                try await attempt { _ = try await UnixStream.connect(path: path) }
                for descriptor in open { descriptor.close() }
            }
        },
        Operation("UnixStream.withConnection(to:options:_:)") { attempt in
            let listener = try await UnixListener.bind(to: try anyName())
            let address = listener.localAddress
            try await attempt {
                try await UnixStream.withConnection(to: address) { _ in try await forever() }
            }
            listener.close()
        },
        Operation("UnixStream.withConnection(path:options:_:)") { attempt in
            try await withDirectory { directory in
                let path = directory.appending("socket")
                let listener = try await UnixListener.bind(path: path)
                try await attempt {
                    try await UnixStream.withConnection(path: path.string) { _ in
                        try await forever()
                    }
                }
                listener.close()
            }
        },
        Operation("UnixStream.pair(options:)", kind: .prompt) {
            try await $0 { _ = try await UnixStream.pair() }
        },
        Operation("UnixStream.peerCredentials()", kind: .prompt) { attempt in
            let (near, far) = try await UnixStream.pair()
            try await attempt { _ = try await near.peerCredentials() }
            await near.close()
            await far.close()
        },
        adopting("UnixStream.adopt(_:options:)", socketPair) { _ = try await UnixStream.adopt($0) },
    ]

    private static let pipes = [
        Operation("makePipe()", kind: .prompt) { try await $0 { _ = try await makePipe() } },
        // Nobody has it open for reading.
        Operation("PipeWriter.open(_:)") { attempt in
            try await withDirectory { directory in
                let path = directory.appending("fifo")
                try makeFIFO(at: path)
                try await attempt { _ = try await PipeWriter.open(path) }
            }
        },
        // Opening for reading waits for nobody; the first read does.
        Operation("PipeReader.open(_:staysOpen:)", kind: .prompt) { attempt in
            try await withDirectory { directory in
                let path = directory.appending("fifo")
                try makeFIFO(at: path)
                try await attempt { _ = try await PipeReader.open(path) }
            }
        },
        adopting("PipeReader.adopt(_:)", pipe) { _ = try await PipeReader.adopt($0) },
        adopting("PipeWriter.adopt(_:)", pipe) { _ = try await PipeWriter.adopt($0) },
        Operation("PipeReader.standardInput()", kind: .prompt) {
            try await $0 { _ = try await PipeReader.standardInput() }
        },
        Operation("PipeWriter.standardOutput()", kind: .prompt) {
            try await $0 { _ = try await PipeWriter.standardOutput() }
        },
        Operation("PipeWriter.standardError()", kind: .prompt) {
            try await $0 { _ = try await PipeWriter.standardError() }
        },
    ]

    private static let names = [
        Operation("SystemResolver.addresses(of:port:)") { attempt in
            try await withStuckResolver { resolver in
                try await attempt { _ = try await resolver.addresses(of: "name", port: 1) }
            }
        },
        Operation("SystemResolver.addresses(of:port:family:flags:)") { attempt in
            try await withStuckResolver { resolver in
                try await attempt {
                    _ = try await resolver.addresses(of: "name", port: 1, family: .ipv4)
                }
            }
        },
        Operation("SystemResolver.addresses(of:service:family:flags:)") { attempt in
            try await withStuckResolver { resolver in
                try await attempt {
                    _ = try await resolver.addresses(of: "name", service: "http")
                }
            }
        },
        Operation("SystemResolver.name(of:)") { attempt in
            try await withStuckResolver { resolver in
                try await attempt { _ = try await resolver.name(of: .loopback(port: 1)) }
            }
        },
    ]

    /// A descriptor that is refused stays the caller's.
    private static func adopting(
        _ name: String, _ make: @escaping @Sendable () throws -> (Descriptor, Descriptor),
        _ call: @escaping @Sendable (FileDescriptor) async throws -> Void
    ) -> Operation {
        Operation(name, kind: .prompt) { attempt in
            let (readEnd, writeEnd) = try make()
            let number = name.hasPrefix("PipeReader") ? readEnd.number : writeEnd.number
            try await attempt { try await call(FileDescriptor(rawValue: number)) }
            #expect(writeEnd.write([7]) == 1)
            writeEnd.close()
            readEnd.close()
        }
    }

    @Sendable private static func pipe() throws -> (Descriptor, Descriptor) {
        try Descriptor.pipe()
    }

    @Sendable private static func socketPair() throws -> (Descriptor, Descriptor) {
        let ends = try Descriptor.socketPair()
        return (ends[0], ends[1])
    }

    /// A listener, and who is connected to it, accepted or not.
    @Sendable private static func connection() throws -> (Descriptor, Descriptor) {
        let listener = try Descriptor.streamSocket(.ipv4)
        try listener.bind(to: .loopback(port: 0))
        let address = try #require(try listener.localAddress())
        try listener.listen(backlog: 1, at: address)
        let client = try Descriptor.streamSocket(.ipv4)
        _ = try client.connect(to: address)
        return (listener, client)
    }

    /// A listener that accepts nobody, with as many clients as it lets wait.
    private static func fullBacklog(
        _ address: SocketAddress
    ) throws -> (SocketAddress, [Descriptor]) {
        let listener = try Descriptor.streamSocket(.unix)
        try listener.bind(to: address)
        try listener.listen(backlog: 1, at: address)
        var open = [listener]
        while true {
            let client = try Descriptor.streamSocket(.unix)
            open.append(client)
            do { _ = try client.connect(to: address) } catch {
                #expect(error.code == .wouldBlock)
                return (address, open)
            }
        }
    }

    /// A resolver whose calls end when `body` has.
    private static func withStuckResolver(
        _ body: (SystemResolver) async throws -> Void
    ) async throws {
        let gate = Gate()
        let resolver = SystemResolver(name: "stuck", maxThreads: 2) { _ throws(ReactorError) in
            gate.waitBlocking()
            return []
        } findName: { _ throws(ReactorError) in
            gate.waitBlocking()
            return ""
        }
        do { try await body(resolver) } catch {
            gate.open()
            throw error
        }
        gate.open()
        await resolver.pool.shutdown()
    }
}
