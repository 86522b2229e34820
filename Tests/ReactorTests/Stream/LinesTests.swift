// Lines of text, however the bytes were split on the way.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct LinesTests {
    @Test func `lines are the same at every pair of splits`() async throws {
        let text = Array("one\ntwo\r\n\r\n\nth\rree\r\r\nlast".utf8)
        let expected = ["one", "two", "", "", "th\rree\r", "last"]
        for first in 0...text.count {
            for second in first...text.count {
                let reader = BufferedReader(Script(text, splitAt: [first, second]))
                var seen: [String] = []
                while let line = try await reader.readLine() { seen.append(line) }
                #expect(seen == expected, "split at \(first) and \(second)")
                #expect(try await reader.readLine() == nil)
            }
        }
    }

    @Test(
        arguments: [
            ("", []), ("\n", [""]), ("\r\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\r", ["a\r"]),
            ("\n\n", ["", ""]), ("a\nb", ["a", "b"]),
        ] as [(String, [String])])
    func `the end of the text ends the last line`(text: String, lines: [String]) async throws {
        var seen: [String] = []
        for try await line in Script(Array(text.utf8), splitAt: []).lines() { seen.append(line) }
        #expect(seen == lines)
    }

    @Test(arguments: ["\n", "\r\n", ""])
    func `a line may be as long as the limit, at every split`(end: String) async throws {
        let text = Array(("12345" + end).utf8)
        for split in 0...text.count {
            let reader = BufferedReader(Script(text, splitAt: [split]))
            #expect(try await reader.readLine(limitBytes: 5) == "12345", "split at \(split)")
            #expect(try await reader.readLine() == nil)
        }
    }

    @Test(arguments: ["123456", "123456\n", "123456\r\n", "12345\r", "12345\rx\n", "1234567890"])
    func `a longer line is refused and stays readable`(text: String) async throws {
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            let reader = BufferedReader(Script(bytes, splitAt: [split]))
            for _ in 0..<2 {
                await expect(.limitExceeded, "split at \(split)") {
                    try await reader.readLine(limitBytes: 5)
                }
            }
            #expect(try await reader.readToEnd(limitBytes: 100) == bytes)
        }
    }

    @Test func `only empty lines fit into nothing`() async throws {
        let reader = BufferedReader(Script(Array("\n\r\nx\n".utf8), splitAt: []))
        #expect(try await reader.readLine(limitBytes: 0) == "")
        #expect(try await reader.readLine(limitBytes: 0) == "")
        await expect(.limitExceeded) { try await reader.readLine(limitBytes: 0) }
        #expect(try await reader.readLine(limitBytes: .max) == "x")
    }

    @Test func `an endless line is refused before it fills the memory`() async throws {
        let source = Script(Pattern.bytes(100).map { _ in 0x61 }, splitAt: Array(1..<100))
        await expect(.limitExceeded) {
            for try await _ in source.lines(limitBytes: 10) {}
        }
        #expect(source.left == 100 - 11)
    }

    @Test func `characters of several bytes may be split`() async throws {
        let text = "naïve ☃ 𝄞\nzwölf"
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            var seen: [String] = []
            for try await line in Script(bytes, splitAt: [split]).lines() { seen.append(line) }
            #expect(seen == ["naïve ☃ 𝄞", "zwölf"])
        }
    }

    @Test func `what is not UTF-8 is repaired`() async throws {
        let reader = BufferedReader(Script([0x61, 0xFF, 0x62, 0x0A, 0xC3], splitAt: []))
        #expect(try await reader.readLine() == "a\u{FFFD}b")
        #expect(try await reader.readLine() == "\u{FFFD}")
    }

    @Test func `a sequence of lines may be left and begun again`() async throws {
        let reader = BufferedReader(Script(Array("a\nb\nc\nd".utf8), splitAt: []))
        for try await line in reader.lines() {
            #expect(line == "a")
            break
        }
        #expect(try await reader.readLine() == "b")
        var rest: [String] = []
        for try await line in reader.lines() { rest.append(line) }
        #expect(rest == ["c", "d"])
    }

    @Test func `a line that waits comes when its end does`() async throws {
        let (near, far) = InMemoryStream.pair()
        async let line = BufferedReader(near).readLine()
        for character in ["h", "e", "y", "\r", "\n"] {
            await Task.yield()
            try await far.write(character)
        }
        #expect(try await line == "hey")
    }
}
