// What every stream promises about writing.

import Testing
@testable import Reactor

extension ByteStreamContract {
    @Test(arguments: StreamKind.all)
    func `writes of many tasks go out whole`(kind: StreamKind) async throws {
        let writers = 8
        let rounds = 40
        try await kind.check { writer, reader in
            try await withThrowingTaskGroup { group in
                for number in 0..<writers {
                    group.addTask {
                        var generator = SeededGenerator(seed: UInt64(number))
                        for round in 0..<rounds {
                            let count = Int.random(in: 1...20_000, using: &generator)
                            let filler = [UInt8](repeating: UInt8(number), count: count)
                            let header = [
                                UInt8(number), UInt8(round), UInt8(count >> 8), UInt8(count & 255),
                            ]
                            if round % 2 == 0 {
                                try await writer.write(header + filler)
                            } else {
                                try await writer.write(contentsOf: [header, filler])
                            }
                        }
                    }
                }
                var nextRound = [Int](repeating: 0, count: writers)
                for _ in 0..<writers * rounds {
                    let header = try await reader.readExactly(4)
                    let number = Int(header[0])
                    #expect(Int(header[1]) == nextRound[number])
                    nextRound[number] += 1
                    let count = Int(header[2]) << 8 | Int(header[3])
                    let body = try await reader.readExactly(count)
                    #expect(body == [UInt8](repeating: UInt8(number), count: count))
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `empty writes send nothing and end nothing`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            let nothing: [UInt8] = []
            try await writer.write(nothing)
            try await writer.write(nothing.span)
            try await writer.write("")
            try await writer.write(contentsOf: [])
            try await writer.write(contentsOf: [[], []])
            try await writer.write(contentsOf: [[1], [], [2, 3], []])
            try await writer.write(nothing)
            try await writer.write([4])
            try await writer.finish()
            #expect(try await reader.readAll() == [1, 2, 3, 4])
        }
    }

    @Test(arguments: StreamKind.all)
    func `everything that holds bytes can be written`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            let bytes: [UInt8] = [1, 2, 3, 4, 5]
            try await writer.write(bytes.span)
            try await writer.write(bytes[1...])
            try await writer.write("hé\n")
            try await writer.write("hello".dropFirst())
            try await writer.write("x".utf8)
            try await writer.write(repeatElement(9, count: 3))
            try await writer.finish()
            let expected =
                bytes + [2, 3, 4, 5] + Array("hé\nellox".utf8) + [9, 9, 9]
            #expect(try await reader.readAll() == expected)
        }
    }

    @Test(arguments: StreamKind.all)
    func `many parts are written as one`(kind: StreamKind) async throws {
        var parts: [[UInt8]] = []
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<3000 {
            parts.append(Pattern.bytes(Int.random(in: 0...700, using: &generator)))
        }
        let expected = parts.reduce(into: []) { $0 += $1 }
        try await kind.check { [parts] writer, reader in
            async let writing: Void = {
                try await writer.write(contentsOf: parts)
                try await writer.finish()
            }()
            #expect(try await reader.readAll() == expected)
            try await writing
        }
    }

    @Test(arguments: StreamKind.all)
    func `a writer waits while nobody reads, and little is kept`(kind: StreamKind) async throws {
        let chunk = Pattern.bytes(16 * 1024)
        try await kind.check { writer, reader in
            try await withThrowingTaskGroup { group in
                group.addTask {
                    var written = 0
                    let outcome = try await Outcome {
                        while true {
                            try await writer.write(chunk)
                            written += 1
                        }
                    }
                    #expect(outcome == .cancelled)
                    return written
                }
                try await until { try await kind.backlog(writer).bytes >= Outbound.mark }
                for _ in 0..<100 {
                    #expect(try await kind.backlog(writer).bytes < kind.backlogLimit + chunk.count)
                    await Task.yield()
                }
                group.cancelAll()
                let written = try await group.next()!
                async let finishing: Void = writer.finish()
                let received = try await reader.readAll()
                try await finishing
                // The write that was cancelled had begun, unless it met the cancellation at once.
                let extra = received.count - written * chunk.count
                #expect(extra == chunk.count || extra == 0)
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `cancelling a blocked write stops the waiting only`(kind: StreamKind) async throws {
        let large = Pattern.bytes(StreamKind.muchBytes)
        try await kind.check { writer, reader in
            let first = try await withThrowingTaskGroup { group in
                group.addTask { try await Outcome { try await writer.write(large) } }
                // One byte has come, so the write has begun.
                let first = try await reader.readExactly(1)
                group.cancelAll()
                #expect(try await group.next() == .cancelled)
                return first
            }
            async let writing: Void = {
                try await writer.write([1, 2, 3])
                try await writer.finish()
            }()
            let rest = try await reader.readAll()
            try await writing
            #expect(first + rest == large + [1, 2, 3])
        }
    }

    @Test(arguments: StreamKind.all)
    func `cancelling one of many blocked writes keeps their bytes`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            try await kind.fill(writer)
            try await withThrowingTaskGroup { group in
                var tasks: [Task<Outcome, any Error>] = []
                for number in 1...5 {
                    let bytes = [UInt8](repeating: UInt8(number), count: 1000)
                    tasks.append(Task { try await Outcome { try await writer.write(bytes) } })
                    // One after the other, so that their order is known.
                    try await kind.waitForWriters(number, on: writer)
                }
                tasks[2].cancel()
                #expect(try await tasks[2].value == .cancelled)
                group.addTask { try await writer.finish() }
                let tail = try await reader.readAll().suffix(5000)
                let expected = (1...5).flatMap { [UInt8](repeating: UInt8($0), count: 1000) }
                #expect(Array(tail) == expected)
                for index in [0, 1, 3, 4] { #expect(try await tasks[index].value == .ok) }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `a write in a cancelled task sends nothing`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            #expect(try await cancelled { try await writer.write([1]) } == .cancelled)
            #expect(try await cancelled { try await writer.write([1].span) } == .cancelled)
            #expect(try await cancelled { try await writer.write(contentsOf: [[1]]) } == .cancelled)
            #expect(try await cancelled { try await writer.finish() } == .cancelled)
            try await writer.write([2])
            try await writer.finish()
            #expect(try await reader.readAll() == [2])
        }
    }
}
