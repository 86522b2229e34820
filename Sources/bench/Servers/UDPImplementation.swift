// The UDP echo servers by name.

import ArgumentParser
import CBaseline
import Foundation
import NIOCore
import NIOPosix
import Reactor

enum UDPImplementation: String, CaseIterable, Codable, ExpressibleByArgument {
    /// Plain C on raw libuv: the baseline.
    case libuv
    /// Plain C on epoll, recvmmsg and sendmmsg.
    case mmsg
    /// `receive(into:)` and `send`, one datagram at a time.
    case reactor
    /// `receiveBatch` and `sendBatch`.
    case reactorBatch = "reactor-batch"
    /// A `ChannelHandler` on a `DatagramBootstrap`'s channel, with vector reads.
    case nio

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// Serves echo on one loop until SIGTERM.
    func serve(port: UInt16) throws {
        cbaseline_end_on_sigterm()
        switch self {
        case .libuv: try Self.fail(cbaseline_udp_echo(port) { TCPImplementation.ready($0) })
        case .mmsg: try Self.fail(cbaseline_udp_mmsg_echo(port) { TCPImplementation.ready($0) })
        case .reactor: try Self.serveSingly(port: port)
        case .reactorBatch: try Self.serveBatches(port: port)
        case .nio: try Self.serveNIO(port: port)
        }
    }

    private static func fail(_ status: Int32) throws {
        throw Failure(String(cString: strerror(-status)))
    }

    private static func serveSingly(port: UInt16) throws {
        try EventLoop.run {
            let socket = try await bind(port)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let header = try await socket.receive(into: &buffer)
                try await socket.send(
                    buffer.span.extracting(0..<header.count), to: header.from)
            }
        }
    }

    private static func serveBatches(port: UInt16) throws {
        try EventLoop.run {
            let socket = try await bind(port)
            while true {
                let batch = try await socket.receiveBatch()
                try await socket.sendBatch(batch.map { $0.reply($0.bytes) })
            }
        }
    }

    private static func bind(_ port: UInt16) async throws -> UDPSocket {
        let socket = try await UDPSocket.bind(to: .loopback(port: port))
        TCPImplementation.ready(UInt16(socket.localAddress.port))
        return socket
    }

    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.write(data, promise: nil)
        }

        func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
    }

    private static func serveNIO(port: UInt16) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try DatagramBootstrap(group: group)
            .channelOption(.datagramVectorReadMessageCount, value: 64)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 64 * 2048)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Echo())
                }
            }
            .bind(host: "127.0.0.1", port: Int(port)).wait()
        TCPImplementation.ready(UInt16(channel.localAddress?.port ?? 0))
        try channel.closeFuture.wait()
    }
}
