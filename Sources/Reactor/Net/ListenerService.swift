// Servers as services of swift-service-lifecycle; only with the package trait `ServiceLifecycle`.

#if ServiceLifecycle
public import ServiceLifecycle

/// A server that drains when its `ServiceGroup` shuts down.
///
/// ```swift
/// let web = ListenerService {
///     let listener = try await TCPListener.bind(host: "0.0.0.0", port: 8080)
///     try await listener.serve(drain: .seconds(5)) { try await answer($0) }
/// }
/// let group = ServiceGroup(
///     services: [web, database], gracefulShutdownSignals: [.sigterm], logger: logger)
/// try await group.run()
/// ```
///
/// At graceful shutdown the body is cancelled, which for every `serve` means: it stops accepting,
/// lets its handlers end within the drain time, and returns. The group goes on to the service
/// before this one then. Handlers see the shutdown too, in `Task.isShuttingDownGracefully` and
/// `withGracefulShutdownHandler`.
///
/// Signals are the group's to catch: leave `stopOn` of ``EventLoop`` empty.
///
/// Needs the package trait `ServiceLifecycle`, which is off by default.
public struct ListenerService: Service {
    private let serving: @Sendable () async throws -> Void

    /// A service that runs `serving`, for as long as nothing asks for its end.
    ///
    /// - Parameter serving: Binds and serves; anything else that ends when it is cancelled will do.
    public init(serving: @escaping @Sendable () async throws -> Void) {
        self.serving = serving
    }

    /// Serves until the group shuts down, and drains then.
    ///
    /// Called by the group. Cancelling ends it as graceful shutdown does, but with an error.
    ///
    /// - Throws: What the body throws, but for the `CancellationError` of a graceful shutdown;
    ///   `CancellationError` when cancelled.
    ///
    /// libuv: none.
    public func run() async throws {
        do { try await cancelWhenGracefulShutdown(serving) } catch is CancellationError
            where Task.isShuttingDownGracefully && !Task.isCancelled
        {
            // Drained: what was asked for.
        }
    }
}
#endif
