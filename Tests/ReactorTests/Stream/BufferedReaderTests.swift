// Frames and peeking, however the bytes were split on the way.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct BufferedReaderTests {
    @Test func `exact counts are read at every split`() async throws {
        let bytes = Pattern.bytes(12)
        for split in 0...bytes.count {
            let reader = BufferedReader(Script(bytes, splitAt: [split]))
            #expect(try await reader.read(exactly: 0) == [])
            #expect(try await reader.read(exactly: 4) == Array(bytes[..<4]))
            #expect(try await reader.read(exactly: 1) == [bytes[4]])
            #expect(try await reader.read(exactly: 7) == Array(bytes[5...]))
            #expect(try await reader.read(exactly: 1) == nil)
            #expect(try await reader.read(exactly: 1) == nil)
        }
    }

    @Test func `delimiters are found at every pair of splits`() async throws {
        let text = Array("ab\r\n\r\ncd\r\r\n\r\n\r\n\r\nx".utf8)
        let delimiter = Array("\r\n\r\n".utf8)
        let expected = ["ab\r\n\r\n", "cd\r\r\n\r\n", "\r\n\r\n"].map { Array($0.utf8) }
        for first in 0...text.count {
            for second in first...text.count {
                let reader = BufferedReader(Script(text, splitAt: [first, second]))
                for frame in expected {
                    let seen = try await reader.read(through: delimiter)
                    #expect(seen == frame, "split at \(first) and \(second)")
                }
                await expect(.incomplete) {
                    try await reader.read(through: delimiter)
                }
                #expect(try await reader.read(exactly: 1) == Array("x".utf8))
                #expect(try await reader.read(through: delimiter) == nil)
            }
        }
    }

    @Test func `an end inside a frame leaves the bytes readable`() async throws {
        let reader = BufferedReader(Script([1, 2, 3], splitAt: [1]))
        await expect(.incomplete) { try await reader.read(exactly: 4) }
        await expect(.incomplete) { try await reader.read(through: [9]) }
        #expect(try await reader.read(upTo: 10) == [1, 2, 3])
        #expect(try await reader.read(upTo: 10) == nil)
        #expect(try await reader.read(exactly: 4) == nil)
    }

    @Test func `an exceeded limit leaves the bytes readable`() async throws {
        let bytes = Pattern.bytes(10).map { $0 | 1 } + [0]
        for split in 0...bytes.count {
            let reader = BufferedReader(Script(bytes, splitAt: [split]))
            await expect(.limitExceeded) {
                try await reader.read(through: [0], limitBytes: 10)
            }
            await expect(.limitExceeded) {
                try await reader.readToEnd(limitBytes: 10)
            }
            #expect(try await reader.read(through: [0], limitBytes: 11) == bytes)
        }
    }

    @Test func `no more than a chunk is read beyond a limit`() async throws {
        let source = Script(Pattern.bytes(1000).map { $0 | 1 }, splitAt: Array(1..<1000))
        let reader = BufferedReader(source)
        await expect(.limitExceeded) {
            try await reader.read(through: [0], limitBytes: 20)
        }
        #expect(source.left == 1000 - 20)
    }

    @Test func `everything is read to the end`() async throws {
        let bytes = Pattern.bytes(100)
        let reader = BufferedReader(Script(bytes, splitAt: [10, 50]))
        #expect(try await reader.read(exactly: 5) == Array(bytes[..<5]))
        #expect(try await reader.readToEnd(limitBytes: 95) == Array(bytes[5...]))
        #expect(try await reader.readToEnd(limitBytes: 0) == [])
    }

    @Test func `peeking takes nothing`() async throws {
        let bytes = Pattern.bytes(6)
        for split in 0...bytes.count {
            let reader = BufferedReader(Script(bytes, splitAt: [split]))
            #expect(try await reader.peek(0) == [])
            #expect(try await reader.peek(4) == Array(bytes[..<4]))
            #expect(try await reader.peek(2) == Array(bytes[..<2]))
            #expect(try await reader.read(exactly: 3) == Array(bytes[..<3]))
            #expect(try await reader.peek(10) == Array(bytes[3...]))
            #expect(try await reader.readToEnd(limitBytes: 10) == Array(bytes[3...]))
            #expect(try await reader.peek(1) == [])
        }
    }

    @Test func `as a reader it gives what it keeps first`() async throws {
        let bytes = Pattern.bytes(10)
        let reader = BufferedReader(Script(bytes, splitAt: [6]))
        _ = try await reader.peek(1)
        var buffer = [UInt8](repeating: 0, count: 4)
        #expect(try await reader.read(into: &buffer) == 4)
        #expect(buffer == Array(bytes[..<4]))
        #expect(try await reader.read(into: &buffer) == 2)
        #expect(Array(buffer[..<2]) == Array(bytes[4..<6]))
        #expect(try await reader.read(upTo: 1) == [bytes[6]])
        #expect(try await reader.read(into: &buffer) == 3)
        #expect(try await reader.read(into: &buffer) == 0)
        #expect(try await reader.read(upTo: 1) == nil)
    }

    @Test func `wrong arguments are refused`() async throws {
        let reader = BufferedReader(Script([1], splitAt: []))
        var nothing: [UInt8] = []
        _ = try await reader.peek(1)
        await expect(.invalidArgument) { try await reader.read(exactly: -1) }
        await expect(.invalidArgument) { try await reader.peek(-1) }
        await expect(.invalidArgument) { try await reader.read(upTo: 0) }
        await expect(.invalidArgument) { try await reader.read(into: &nothing) }
        await expect(.invalidArgument) { try await reader.read(through: []) }
        await expect(.invalidArgument) {
            try await reader.read(through: [1, 2], limitBytes: 1)
        }
        await expect(.invalidArgument) { try await reader.readLine(limitBytes: -1) }
        await expect(.invalidArgument) { try await reader.readToEnd(limitBytes: -1) }
        #expect(try await reader.read(upTo: 1) == [1])
    }

    @Test func `cancelling in mid-frame loses nothing`() async throws {
        let (near, far) = InMemoryStream.pair()
        let reader = BufferedReader(near)
        try await far.write([1, 2, 3])
        _ = try await reader.peek(3)
        for _ in 0..<20 {
            let outcome = try await withThrowingTaskGroup { group in
                group.addTask { try await Outcome { _ = try await reader.read(exactly: 5) } }
                await Task.yield()
                group.cancelAll()
                return try await group.next()
            }
            #expect(outcome == .cancelled)
        }
        #expect(try await cancelled { _ = try await reader.peek(1) } == .cancelled)
        try await far.write([4, 5])
        #expect(try await reader.read(exactly: 5) == [1, 2, 3, 4, 5])
    }

    @Test func `a second reader is refused, the first goes on`() async throws {
        let (near, far) = InMemoryStream.pair()
        let reader = BufferedReader(near)
        try await withThrowingTaskGroup { group in
            for _ in 0..<2 {
                group.addTask { try await Outcome { _ = try await reader.read(exactly: 2) } }
            }
            #expect(try await group.next() == .failed(.busy))
            try await far.write([1, 2])
            #expect(try await group.next() == .ok)
        }
    }

    @Test func `a failure keeps what came before it`() async throws {
        let (near, far) = InMemoryStream.pair()
        let reader = BufferedReader(near)
        try await far.write("half a li")
        far.abort()
        await expect(.connectionReset) { try await reader.readLine() }
        #expect(try await reader.read(upTo: 100) == Array("half a li".utf8))
        await expect(.closed) { try await reader.readLine() }
    }

    @Test func `any calls read the same bytes`() async throws {
        for _ in 0..<30 {
            var generator = SeededGenerator()
            let bytes = Pattern.bytes(3000)
            let splits = (0..<40).map { _ in Int.random(in: 0...3000, using: &generator) }
            let reader = BufferedReader(Script(bytes, splitAt: splits.sorted()))
            var seen: [UInt8] = []
            while seen.count < bytes.count {
                let size = Int.random(in: 1...100, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: seen += try await reader.read(upTo: size) ?? []
                case 1:
                    var buffer = [UInt8](repeating: 0, count: size)
                    let count = try await reader.read(into: &buffer)
                    seen += buffer[..<count]
                case 2:
                    let count = min(size, bytes.count - seen.count)
                    seen += try await reader.read(exactly: count) ?? []
                default:
                    let ahead = try await reader.peek(size)
                    #expect(ahead == Array(bytes[seen.count...].prefix(size)))
                }
            }
            #expect(seen == bytes, "seed \(generator.seed)")
        }
    }
}
