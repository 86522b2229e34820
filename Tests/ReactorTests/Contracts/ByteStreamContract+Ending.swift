// What every stream promises about its end.

import Testing
@testable import Reactor

extension ByteStreamContract {
    // MARK: Half-close

    @Test(arguments: StreamKind.all)
    func `finish ends one direction, the other goes on`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            try await first.write([1])
            try await first.finish()
            #expect(try await second.readAll() == [1])
            for byte in 0..<UInt8(10) {
                try await second.write([byte])
                #expect(try await first.read(upTo: 10) == [byte])
            }
            try await second.finish()
            #expect(try await first.read(upTo: 10) == nil)
        }
    }

    @Test(arguments: StreamKind.all)
    func `after finish another write or finish is refused`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            try await first.finish()
            #expect(try await Outcome { try await first.write([1]) } == .failed(.finished))
            #expect(try await Outcome { try await first.write([1].span) } == .failed(.finished))
            #expect(
                try await Outcome { try await first.write(contentsOf: [[1]]) } == .failed(.finished)
            )
            #expect(try await Outcome { try await first.finish() } == .failed(.finished))
            #expect(try await second.readAll() == [])
        }
    }

    @Test(arguments: StreamKind.all)
    func `both sides may finish at once`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            async let one: Void = first.finish()
            async let other: Void = second.finish()
            _ = try await (one, other)
            #expect(try await first.read(upTo: 1) == nil)
            #expect(try await second.read(upTo: 1) == nil)
        }
    }

    @Test(arguments: StreamKind.all)
    func `finish sends everything first`(kind: StreamKind) async throws {
        let bytes = Pattern.bytes(StreamKind.muchBytes)
        try await kind.check { writer, reader in
            async let writing: Void = {
                try await writer.write(bytes)
                try await writer.finish()
            }()
            #expect(try await reader.readAll() == bytes)
            try await writing
        }
    }

    @Test(arguments: StreamKind.all)
    func `cancelling finish stops the waiting only`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            try await kind.fill(writer)
            let outcome = try await withThrowingTaskGroup { group in
                group.addTask { try await Outcome { try await writer.finish() } }
                try await kind.waitForWriters(1, on: writer)
                group.cancelAll()
                return try await group.next()
            }
            #expect(outcome == .cancelled)
            #expect(try await reader.readAll().count == StreamKind.muchBytes)
        }
    }

    // MARK: Close

    @Test(arguments: StreamKind.all)
    func `close fails the read and the writes that wait`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            try await withThrowingTaskGroup { group in
                group.addTask { try await Outcome { _ = try await first.read(upTo: 10) } }
                try await kind.fill(first)
                for _ in 0..<3 {
                    group.addTask { try await Outcome { try await first.write([1]) } }
                }
                try await kind.waitForWriters(3, on: first)
                async let reading: Int = second.readAll().count
                await closePatiently(first)
                for try await outcome in group { #expect(outcome == .failed(.closed)) }
                // What had been written went out all the same.
                #expect(try await reading == StreamKind.muchBytes + 3)
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `after close everything is refused`(kind: StreamKind) async throws {
        try await kind.check { first, _ in
            await first.close()
            try await expectClosed(first)
            await first.close()
            first.abort()
            try await expectClosed(first)
        }
    }

    @Test(arguments: StreamKind.all)
    func `eight may close at once`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            try await first.write([1, 2, 3])
            await withTaskGroup { group in
                for _ in 0..<8 { group.addTask { await first.close() } }
            }
            try await expectClosed(first)
            #expect(try await second.readAll() == [1, 2, 3])
        }
    }

    @Test(arguments: StreamKind.all)
    func `close in a cancelled task closes`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            try await first.write([1])
            #expect(try await cancelled { await first.close() } == .ok)
            try await expectClosed(first)
            #expect(try await second.readAll() == [1])
        }
    }

    @Test(arguments: StreamKind.all)
    func `close sends what is unsent`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            try await kind.fill(first)
            async let closing: Void = closePatiently(first)
            #expect(try await second.readAll().count == StreamKind.muchBytes)
            await closing
        }
    }

    @Test(arguments: StreamKind.all)
    func `writing to a peer that has closed fails in time`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            await second.close()
            let outcome = try await Outcome {
                while true {
                    try await first.write([1])
                    await Task.yield()
                }
            }
            #expect(outcome == .failed(.brokenPipe) || outcome == .failed(.connectionReset))
            #expect(try await Outcome { try await first.write([1]) } != .ok)
        }
    }

    // MARK: Abort

    @Test(arguments: StreamKind.all)
    func `abort fails the peer's read once, then it is closed`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            first.abort()
            let outcome = try await Outcome { _ = try await second.read(upTo: 1) }
            guard kind.abortIsReset else { return #expect(outcome == .ok, "the end") }
            #expect(outcome == .failed(.connectionReset))
            for _ in 0..<2 {
                let outcome = try await Outcome { _ = try await second.read(upTo: 1) }
                #expect(outcome == .failed(.closed))
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `abort fails a peer that waits`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            try await withThrowingTaskGroup { group in
                group.addTask { try await Outcome { _ = try await second.read(upTo: 1) } }
                group.addTask {
                    try await Outcome {
                        let chunk = [UInt8](repeating: 0, count: 64 * 1024)
                        while true { try await second.write(chunk) }
                    }
                }
                try await until { try await kind.backlog(second).writers == 1 }
                first.abort()
                var allowed: [Outcome] = [.failed(.connectionReset), .failed(.brokenPipe)]
                // The read, which came first, sees the end.
                if !kind.abortIsReset { allowed.append(.ok) }
                for try await outcome in group { #expect(allowed.contains(outcome)) }
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `abort drops what is unsent and fails who waits`(kind: StreamKind) async throws {
        try await kind.check { first, second in
            try await withThrowingTaskGroup { group in
                group.addTask { try await Outcome { _ = try await first.read(upTo: 10) } }
                try await kind.fill(first)
                group.addTask { try await Outcome { try await first.write([1]) } }
                try await kind.waitForWriters(1, on: first)
                group.addTask { try await Outcome { try await first.finish() } }
                try await kind.waitForWriters(2, on: first)
                first.abort()
                for try await outcome in group { #expect(outcome == .failed(.closed)) }
            }
            try await expectClosed(first)
            guard kind.abortIsReset else {
                #expect(try await second.readAll().count < StreamKind.muchBytes)
                return
            }
            let outcome = try await Outcome { _ = try await second.readAll() }
            #expect(outcome == .failed(.connectionReset))
        }
    }
}

private func expectClosed(_ stream: any ByteStream) async throws {
    var buffer: [UInt8] = [0]
    #expect(try await Outcome { _ = try await stream.read(upTo: 1) } == .failed(.closed))
    #expect(try await Outcome { _ = try await stream.read(into: &buffer) } == .failed(.closed))
    #expect(try await Outcome { try await stream.write([1]) } == .failed(.closed))
    #expect(try await Outcome { try await stream.write([1].span) } == .failed(.closed))
    #expect(try await Outcome { try await stream.write(contentsOf: [[1]]) } == .failed(.closed))
    #expect(try await Outcome { try await stream.finish() } == .failed(.closed))
}

/// Closes with time to send everything even where the reader is starved: two seconds may not be.
private func closePatiently(_ stream: any ByteStream) async {
    switch stream {
    case let stream as TCPStream: await stream.close(flushingFor: .seconds(50))
    case let stream as UnixStream: await stream.close(flushingFor: .seconds(50))
    case let stream as PipePair: await stream.close(flushingFor: .seconds(50))
    case let stream as SocketPairEnd: await stream.close(flushingFor: .seconds(50))
    default: await stream.close()
    }
}
