// The file server, asked as browsers ask, as careless clients do, and as attackers would.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

extension ExamplesTests {
    @Test func `the file server gives files, ranges and indexes, and nothing else`() async throws {
        try await withSite { address in
            let big = Pattern.bytes(700_000)
            let asked: [(request: String, status: Int, body: [UInt8]?)] = [
                ("GET /a.txt", 200, Array("hello".utf8)), ("HEAD /a.txt", 200, []),
                ("GET /big", 200, big), ("GET /b%20c/x.html", 200, Array("<p>".utf8)),
                ("GET /a.txt?q=1", 200, Array("hello".utf8)), ("GET /./a.txt", 200, nil),
                ("GET http://h/a.txt", 200, Array("hello".utf8)),
                ("GET /sub/", 200, Array("i".utf8)),
                ("GET /sub", 301, nil), ("GET /", 200, nil), ("GET /inside", 200, nil),
                ("GET /missing", 404, nil), ("GET /a.txt/", 404, nil), ("GET /a.txt/x", 404, nil),
                ("GET /outside", 404, nil), ("GET /up/etc/passwd", 404, nil),
                ("GET /.hidden", 404, nil), ("GET /fifo", 404, nil),
                ("GET /../secret", 400, nil), ("GET /sub/../../secret", 400, nil),
                ("GET /%2e%2e/secret", 400, nil), ("GET /..%2fsecret", 400, nil),
                ("GET /a.txt%00.html", 400, nil), ("GET /%zz", 400, nil), ("GET /%f", 400, nil),
                ("GET a.txt", 400, nil), ("POST /a.txt", 405, nil), ("get /a.txt", 405, nil),
                ("GET  /a.txt", 400, nil),
                ("GET /\(String(repeating: "a", count: 9_000))", 414, nil),
            ]
            for (request, status, body) in asked {
                let answer = try await ask(address, "\(request) HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(answer.status == status, "\(request.prefix(80))")
                if let body { #expect(answer.body == body, "\(request)") }
                #expect(!answer.body.starts(with: Array("secret".utf8)))
            }
        }
    }

    @Test func `the file server's ranges are those of HTTP`() async throws {
        try await withSite { address in
            let ranges: [(String, Int, String)] = [
                ("bytes=1-2", 206, "el"), ("bytes=3-", 206, "lo"), ("bytes=-2", 206, "lo"),
                ("bytes=0-0", 206, "h"), ("bytes=-99", 206, "hello"), ("bytes=2-99", 206, "llo"),
                ("bytes=5-", 416, "416"), ("bytes=-0", 416, "416"), ("bytes=2-1", 200, "hello"),
                ("bytes=a-b", 200, "hello"), ("bytes=0-1,3-4", 200, "hello"),
                ("x=0-1", 200, "hello"),
                ("bytes=99999999999999999999-", 200, "hello"), ("bytes=--1", 200, "hello"),
            ]
            for (range, status, body) in ranges {
                let answer = try await ask(
                    address, "GET /a.txt HTTP/1.1\r\nHost: x\r\nRange: \(range)\r\n\r\n")
                #expect(answer.status == status, "\(range)")
                #expect(answer.body.starts(with: Array(body.utf8)), "\(range)")
            }
        }
    }

    @Test func `the file server refuses what is not clear, and too much of it`() async throws {
        try await withSite { address in
            let start = "GET /a.txt HTTP/1.1\r\n"
            let many = (0..<2_000).map { "X\($0): y\r\n" }.joined()
            let heads: [(String, Int)] = [
                (start + "\r\n", 400), (start + "Host: a\r\nHost: b\r\n\r\n", 400),
                (start + "Host: x\r\nBad : y\r\n\r\n", 400), (start + "Host: x\r\n y\r\n\r\n", 400),
                (start + "Host: x\r\nnonsense\r\n\r\n", 400), ("GET /a.txt HTTP/2.0\r\n\r\n", 400),
                ("GET /a.txt\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\r\n\r\n", 400),
                (start + "Host: x\r\n\(many)\r\n", 431),
                (start + "Host: x\r\nX: \(String(repeating: "y", count: 10_000))\r\n\r\n", 431),
                (start + "Host: x\r\nContent-Length: 5\r\n\r\nhello", 413),
                (start + "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
            ]
            for (head, status) in heads {
                let answer = try await ask(address, head)
                #expect(answer.status == status, "\(head.prefix(80).debugDescription)")
            }
        }
    }

    @Test func `the file server keeps a connection for many requests`() async throws {
        try await withSite { address in
            try await TCPStream.withConnection(to: address) { stream in
                let request = "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"
                let last = "GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                try await stream.write(String(repeating: request, count: 20) + last)
                let text = String(decoding: try await stream.readAll(), as: UTF8.self)
                #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 22)
                #expect(text.components(separatedBy: "\r\n\r\nhello").count == 22)
            }
        }
    }

    /// Sends one request, and takes the answer apart.
    private func ask(
        _ address: SocketAddress, _ request: String
    ) async throws -> (status: Int, body: [UInt8]) {
        try await TCPStream.withConnection(to: address) { stream in
            try await stream.write(request)
            try await stream.finish()
            let bytes = try await stream.readAll()
            let separator = Array("\r\n\r\n".utf8)
            let end = bytes.firstRange(of: separator)
            let words = String(decoding: bytes.prefix(20), as: UTF8.self).split(separator: " ")
            return (
                words.count > 1 ? Int(words[1]) ?? 0 : 0,
                end.map { Array(bytes[$0.upperBound...]) } ?? []
            )
        }
    }

    private func withSite(_ body: (SocketAddress) async throws -> Void) async throws {
        try await withDirectory { directory in
            let manager = FileManager.default
            let root = directory.appending("root").string
            for name in ["/sub", "/b c"] {
                try manager.createDirectory(
                    atPath: root + name, withIntermediateDirectories: true)
            }
            let files = [
                "/a.txt": "hello", "/sub/index.html": "i", "/b c/x.html": "<p>",
                "/.hidden": "secret",
                "/../secret": "secret",
            ]
            for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: root + name)) }
            try Data(Pattern.bytes(700_000)).write(to: URL(filePath: root + "/big"))
            let links = ["/outside": "../secret", "/up": "/", "/inside": "sub/../a.txt"]
            for (name, target) in links {
                try manager.createSymbolicLink(atPath: root + name, withDestinationPath: target)
            }
            // SAFETY: the call reads a live string.
            _ = unsafe mkfifo(root + "/fifo", 0o600)
            try await withExample("FileServer", [root, "--port", "0"]) { line in
                try await body(
                    SocketAddress(String(try #require(line.split(separator: " ").last))))
            }
        }
    }
}
