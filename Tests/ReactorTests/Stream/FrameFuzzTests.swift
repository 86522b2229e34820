// Frame readers under random bytes, splits and calls, against the plain array of what was sent.

import Foundation
import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(60)))
struct FrameFuzzTests {
    /// How many rounds: few in the suite, as many as scripts/fuzz asks for.
    private static let rounds =
        ProcessInfo.processInfo.environment["REACTOR_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 60
    private static let firstSeed =
        ProcessInfo.processInfo.environment["REACTOR_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1

    @Test func `whatever comes in whatever pieces, calls return what an array would`() async throws
    {
        for seed in Self.firstSeed..<(Self.firstSeed + UInt64(Self.rounds)) {
            var random = SeededGenerator(seed: seed)
            // Few values, so that delimiters and line ends meet often.
            let alphabet: [UInt8] = [0, 10, 10, 13, 13, 65, 0xC3, 0xA9, 255]
            let sent = (0..<Int.random(in: 0..<400, using: &random)).map { _ in
                alphabet.randomElement(using: &random)!
            }
            let (near, far) = InMemoryStream.pair()
            let pieces = Self.split(sent, &random)
            let sending = try #require(EventLoop.current).spawn {
                for piece in pieces {
                    try await far.write(piece)
                    await Task.yield()
                }
                try await far.finish()
            }
            try await Self.readAll(sent, BufferedReader(near), &random, seed)
            try await sending.value
        }
    }

    @Test func `addresses and names in any bytes are read or refused`() {
        for seed in Self.firstSeed..<(Self.firstSeed + UInt64(Self.rounds)) {
            var random = SeededGenerator(seed: seed)
            let alphabet = Array("0123456789abcdefx:.[]%/@-\0 é".utf8)
            for _ in 0..<200 {
                AddressFuzz.run(
                    (0..<Int.random(in: 0..<48, using: &random)).map { _ in
                        alphabet.randomElement(using: &random)!
                    })
            }
        }
    }

    private static func split(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...min(rest.count, 40), using: &random)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    private static func readAll(
        _ sent: [UInt8], _ reader: BufferedReader<InMemoryStream>,
        _ random: inout SeededGenerator, _ seed: UInt64
    ) async throws {
        var rest = sent[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...30, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                #expect(try await reader.peek(count) == Array(rest.prefix(count)), "seed \(seed)")
            case 1:
                if count > rest.count {
                    await expect(.incomplete, "seed \(seed)") {
                        try await reader.read(exactly: count)
                    }
                    rest = rest.dropFirst(try await reader.read(upTo: count)?.count ?? 0)
                } else {
                    let read = try await reader.read(exactly: count)
                    #expect(read == Array(rest.prefix(count)), "seed \(seed)")
                    rest = rest.dropFirst(count)
                }
            case 2: try await readThrough(&rest, reader, limit: count + 1, seed)
            default: try await readLine(&rest, reader, seed)
            }
        }
        #expect(try await reader.read(exactly: 1) == nil, "seed \(seed)")
    }

    private static func readThrough(
        _ rest: inout ArraySlice<UInt8>, _ reader: BufferedReader<InMemoryStream>, limit: Int,
        _ seed: UInt64
    ) async throws {
        let delimiter: [UInt8] = [13, 10]
        let found = rest.indices.dropLast().first { rest[$0] == 13 && rest[$0 + 1] == 10 }
        let length = found.map { $0 - rest.startIndex + 2 }
        do {
            let frame = try await reader.read(through: delimiter, limitBytes: limit)
            #expect(frame == length.map { Array(rest.prefix($0)) }, "seed \(seed)")
            rest = rest.dropFirst(frame?.count ?? 0)
        } catch let error as ReactorError {
            let expected: ReactorError.Code =
                (length ?? rest.count) > limit || length == nil && rest.count >= limit
                ? .limitExceeded : .incomplete
            #expect(error.code == expected, "seed \(seed)")
            #expect(length == nil || length! > limit, "seed \(seed)")
            let read = try await reader.read(upTo: limit)
            #expect(read.map { rest.starts(with: $0) } == true, "seed \(seed)")
            rest = rest.dropFirst(read?.count ?? 0)
        }
    }

    private static func readLine(
        _ rest: inout ArraySlice<UInt8>, _ reader: BufferedReader<InMemoryStream>, _ seed: UInt64
    ) async throws {
        let line = try await reader.readLine()
        let end = rest.firstIndex(of: 10)
        var body = rest[..<(end ?? rest.endIndex)]
        if end != nil, body.last == 13 { body = body.dropLast() }
        #expect(line == String(decoding: body, as: UTF8.self), "seed \(seed)")
        rest = end.map { rest[($0 + 1)...] } ?? []
    }
}
