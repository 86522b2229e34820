// Echo with SwiftNIO, in each of its ways.

import NIOCore
import NIOPosix

enum NIOServer {
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.write(data, promise: nil)
        }

        func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    /// A handler in the channel's pipeline: no task, no hop.
    static func serveHandlers(port: UInt16) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try bootstrap(group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Echo())
                }
            }
            .bind(host: "127.0.0.1", port: Int(port)).wait()
        TCPImplementation.ready(UInt16(channel.localAddress?.port ?? 0))
        try channel.closeFuture.wait()
    }

    static func serveAsync(port: UInt16) async throws {
        try await serveAsync(port: port, on: MultiThreadedEventLoopGroup(numberOfThreads: 1))
    }

    /// Swift's global executor becomes NIO's one loop. Before any task has run.
    static func installAsGlobalExecutor() throws {
        NIOSingletons.groupLoopCountSuggestion = 1
        guard
            NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
        else { throw Failure("NIO cannot be the global executor here") }
    }

    static func serveAsyncOnSingleton(port: UInt16) async throws {
        try await serveAsync(port: port, on: MultiThreadedEventLoopGroup.singleton)
    }

    private static func serveAsync(
        port: UInt16, on group: MultiThreadedEventLoopGroup
    ) async throws {
        let server = try await bootstrap(group)
            .bind(host: "127.0.0.1", port: Int(port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel)
                }
            }
        TCPImplementation.ready(UInt16(server.channel.localAddress?.port ?? 0))
        try await server.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { tasks in
                for try await connection in connections {
                    tasks.addTask { try? await echo(connection) }
                }
            }
        }
    }

    @concurrent
    private static func echo(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await connection.executeThenClose { inbound, outbound in
            for try await buffer in inbound { try await outbound.write(buffer) }
        }
    }

    private static func bootstrap(_ group: MultiThreadedEventLoopGroup) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    }
}
