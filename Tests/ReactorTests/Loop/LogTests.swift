// What the library reports to the log, in processes of their own: a log is set up once.

import Logging
import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct LogTests {
    @Test func `a stream dropped without close is closed, and reported once`() async {
        await #expect(processExitsWith: .success) {
            let log = LogRecord.start()
            let group = try EventLoopGroup(count: 1)
            let loop = group.loops[0]
            try await loop.submit {
                let listener = try await TCPListener.bind(to: .loopback(port: 0))
                var client: TCPStream? = try await TCPStream.connect(to: listener.localAddress)
                let server = try await listener.accept()
                try await client?.write([7])
                client = nil
                #expect(try await server.read(upTo: 1) == [7])
                #expect(try await server.read(upTo: 1) == nil, "the end has come")
                await server.close()
                listener.close()
            }
            await group.shutdown()
            #expect(log.all.count { $0.contains("dropped without close()") } == 1)
            #expect(log.all.count == 1)
        }
    }

    @Test func `one that is dropped elsewhere is too, and one that was closed is not`() async {
        await #expect(processExitsWith: .success) {
            let log = LogRecord.start()
            let group = try EventLoopGroup(count: 1)
            let loop = group.loops[0]
            do {
                let (dropped, closed, aborted, listener) = try await loop.submit {
                    let listener = try await TCPListener.bind(to: .loopback(port: 0))
                    let address = listener.localAddress
                    return (
                        try await TCPStream.connect(to: address),
                        try await TCPStream.connect(to: address),
                        try await TCPStream.connect(to: address), listener
                    )
                }
                withExtendedLifetime((dropped, listener)) {}
                await closed.close()
                aborted.abort()
            }
            while try await loop.submit({ loop.core.participants.all.count }) > 0 {
                await Task.yield()
            }
            await group.shutdown()
            #expect(log.all.count == 1)
        }
    }

    @Test func `what held a shutdown up is logged`() async {
        await #expect(processExitsWith: .success) {
            let log = LogRecord.start()
            let (gate, began) = (Gate(), Gate())
            let group = try EventLoopGroup(count: 1, grace: .milliseconds(1))
            group.loops[0].spawn(name: "sluggard") {
                began.open()
                await gate.wait()
            }
            await began.wait()
            await group.shutdown()
            #expect(log.all.count { $0.contains("sluggard") } == 1)
            gate.open()
        }
    }
}

/// Everything logged in this process from `start` on, but for what a busy machine makes slow: a
/// thread that is kept from running is taken for one that a task holds.
private struct LogRecord: LogHandler {
    private let record: Record<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    static func start() -> Record<String> {
        let record = Record<String>()
        LoggingSystem.bootstrap { _ in LogRecord(record: record) }
        return record
    }

    init(record: Record<String>) { self.record = record }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let message = "\(event.message)"
        let isAboutPace = message.hasPrefix("slow: ") || message.contains("does not yield")
        if !isAboutPace { record.add(message) }
    }
}
