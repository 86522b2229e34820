// The context of others: swift-service-context, and swift-log's metadata, in every kind of place.

import Logging
import ServiceContextModule
import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ServiceContextTests {
    private enum RequestID: ServiceContextKey {
        typealias Value = String
        static let nameOverride: String? = "request"
    }

    private static func inRequest<Result>(
        _ id: String, _ body: () async throws -> Result
    ) async rethrows -> Result {
        var context = ServiceContext.current ?? .topLevel
        context[RequestID.self] = id
        return try await ServiceContext.withValue(context, operation: body)
    }

    private static var request: String? { ServiceContext.current?[RequestID.self] }

    @Test(arguments: Place.inheriting)
    func `a service's context is seen`(in place: Place) async throws {
        let seen = try await Self.inRequest("4711") {
            try await place.call { Self.request }
        }
        #expect(seen == "4711")
        #expect(try await place.call { Self.request } == nil)
    }

    @Test(arguments: Place.inheriting)
    func `a context set further in holds there, and the outer one afterwards`(
        in place: Place
    ) async throws {
        let seen = try await Self.inRequest("outer") {
            try await place.run {
                let inner = try await Self.inRequest("inner") {
                    try await EventLoop.sleep(for: .microseconds(1))
                    return try await blocking { Self.request }
                }
                return [inner, Self.request]
            }
        }
        #expect(seen == ["inner", "outer"])
    }

    @Test(arguments: Place.inheriting)
    func `a logger's lines carry the metadata of the request`(in place: Place) async throws {
        let lines = Record<String>()
        var handler = LineHandler(lines: lines)
        handler.metadataProvider = Logger.MetadataProvider {
            Self.request.map { ["request": "\($0)"] } ?? [:]
        }
        let ready = handler
        let logger = Logger(label: "test", factory: { _ in ready })
        try await Self.inRequest("4711") {
            try await place.run {
                logger.info("begun")
                try await EventLoop.sleep(for: .microseconds(1))
                _ = try await blocking { logger.info("blocking") }
                logger.info("ended")
            }
        }
        logger.info("nobody's")
        #expect(
            lines.all == [
                "begun request=4711", "blocking request=4711", "ended request=4711", "nobody's",
            ])
    }

    @Test func `it is left behind where the caller says so`() async throws {
        let seen = await Self.inRequest("4711") { await Task.detached { Self.request }.value }
        #expect(seen == nil)
    }
}

/// Writes each line with the metadata that the provider gave for it.
private struct LineHandler: LogHandler {
    let lines: Record<String>
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.trace

    init(lines: Record<String>) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let request = metadataProvider?.get()["request"]
        lines.add("\(event.message)" + (request.map { " request=\($0)" } ?? ""))
    }
}
