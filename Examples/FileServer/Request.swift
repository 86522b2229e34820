// A request as its client has put it: read within limits, refused where it is not clear.

import Reactor

/// Why a request gets no file.
struct Refusal: Error {
    enum Status: String {
        case moved = "301 Moved Permanently"
        case notModified = "304 Not Modified"
        case badRequest = "400 Bad Request"
        case notFound = "404 Not Found"
        case notAllowed = "405 Method Not Allowed"
        case timeout = "408 Request Timeout"
        case bodyTooLarge = "413 Content Too Large"
        case targetTooLong = "414 URI Too Long"
        case notSatisfiable = "416 Range Not Satisfiable"
        case headTooLarge = "431 Request Header Fields Too Large"
    }

    let status: Status
    var headers: [(String, String)] = []

    init(_ status: Status, _ headers: [(String, String)] = []) {
        self.status = status
        self.headers = headers
    }
}

/// The head of a request; none that is served has a body.
struct Request: Sendable {
    let method: String
    /// The path's components, decoded: none is empty, `.`, `..`, or holds a slash or a zero byte.
    let path: [String]
    let endsWithSlash: Bool
    let keepsAlive: Bool
    private let headers: [String: String]

    private static let lineLimit = 8_192
    private static let headLimit = 32_768

    /// A header's value, several joined by commas; the name in lower case.
    subscript(name: String) -> String? { headers[name] }

    init(_ reader: BufferedReader<some ByteReader>) async throws {
        let line = try await Self.line(of: reader, tooLong: .targetTooLong)
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else {
            throw Refusal(.badRequest)
        }
        method = String(words[0])
        headers = try await Self.headers(of: reader)
        guard words[2] == "HTTP/1.0" || headers["host"].map({ !$0.contains(",") }) == true else {
            throw Refusal(.badRequest)
        }
        guard method == "GET" || method == "HEAD" else {
            throw Refusal(.notAllowed, [("Allow", "GET, HEAD")])
        }
        // Where a body would end is what requests are smuggled by.
        guard headers["transfer-encoding"] == nil, headers["content-length"] ?? "0" == "0" else {
            throw Refusal(.bodyTooLarge)
        }
        (path, endsWithSlash) = try Self.path(of: words[1])
        let connection = headers["connection"]?.lowercased() ?? ""
        keepsAlive =
            words[2] == "HTTP/1.1"
            ? !connection.contains("close") : connection.contains("keep-alive")
    }

    private static func line(
        of reader: BufferedReader<some ByteReader>, tooLong: Refusal.Status
    ) async throws -> String {
        do {
            guard let line = try await reader.readLine(limitBytes: lineLimit) else {
                throw Refusal(.badRequest)
            }
            return line
        } catch let error as ReactorError where error.code == .limitExceeded {
            throw Refusal(tooLong)
        }
    }

    private static func headers(
        of reader: BufferedReader<some ByteReader>
    ) async throws -> [String: String] {
        var headers: [String: String] = [:]
        var size = 0
        while true {
            let line = try await line(of: reader, tooLong: .headTooLarge)
            if line.isEmpty { return headers }
            size += line.utf8.count + 32
            guard size <= headLimit else { throw Refusal(.headTooLarge) }
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
                line[..<colon].utf8.allSatisfy(isTokenByte)
            else { throw Refusal(.badRequest) }
            let value = line[line.index(after: colon)...]
                .drop { $0 == " " || $0 == "\t" }
            guard !value.utf8.contains(where: { $0 < 32 && $0 != 9 || $0 == 127 }) else {
                throw Refusal(.badRequest)
            }
            let name = line[..<colon].lowercased()
            headers[name] = headers[name].map { "\($0), \(value)" } ?? String(value)
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// Decoded piece by piece, so that an encoded slash or dot cannot make up a path.
    private static func path(of target: Substring) throws -> ([String], Bool) {
        var path = target.prefix { $0 != "?" && $0 != "#" }
        if path.hasPrefix("http://") {
            path = path.dropFirst(7).drop { $0 != "/" }
            if path.isEmpty { path = "/" }
        }
        guard path.hasPrefix("/") else { throw Refusal(.badRequest) }
        let pieces = try path.split(separator: "/").map { piece in
            guard let name = decoded(piece), name != "..", !name.contains("/"),
                !name.utf8.contains(0)
            else { throw Refusal(.badRequest) }
            return name
        }
        return (pieces.filter { $0 != "." }, path.hasSuffix("/"))
    }

    private static func decoded(_ piece: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(piece.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2,
                digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
