// An answer: its head, and a body from memory or a file.

import Foundation
import Reactor
import SystemPackage

struct Response: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        /// Open, and this answer's to close.
        case file(FileDescriptor, Range<Int>)
    }

    private let status: String
    private let headers: [(String, String)]
    private let body: Body

    init(_ status: String, _ headers: [(String, String)], _ body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    init(_ refusal: Refusal) {
        let hasBody = refusal.status != .notModified
        self.init(
            refusal.status.rawValue,
            refusal.headers + (hasBody ? [("Content-Type", "text/plain; charset=utf-8")] : []),
            .bytes(hasBody ? Array("\(refusal.status.rawValue)\n".utf8) : []))
    }

    func send(to stream: some ByteStream, keepsAlive: Bool, isHead: Bool) async throws {
        defer { if case .file(let file, _) = body { try? file.close() } }
        let length =
            switch body {
            case .bytes(let bytes): bytes.count
            case .file(_, let range): range.count
            }
        var head = "HTTP/1.1 \(status)\r\nDate: \(Self.date)\r\nContent-Length: \(length)\r\n"
        if !keepsAlive { head += "Connection: close\r\n" }
        head += "X-Content-Type-Options: nosniff\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        head += "\r\n"
        let start = Array(head.utf8)
        try await withTimeout(Patience.chunk) {
            if case .bytes(let bytes) = body, !isHead {
                try await stream.write(contentsOf: [start, bytes])
            } else {
                try await stream.write(start)
            }
        }
        if case .file(let file, let range) = body, !isHead {
            try await Self.send(file, range, to: stream)
        }
    }

    private static func send(
        _ file: FileDescriptor, _ range: Range<Int>, to stream: some ByteStream
    ) async throws {
        var rest = range
        while !rest.isEmpty {
            let part = rest.prefix(256 * 1024)
            let sent = try await withTimeout(Patience.chunk) {
                try await stream.sendFile(file, range: part)
            }
            // It has become shorter: a body that ends too early is all that can be said.
            guard sent > 0 else { throw Refusal(.notFound) }
            rest = rest.dropFirst(sent)
        }
    }

    /// As HTTP writes it: `Wed, 25 Nov 2026 17:04:06 GMT`.
    private static var date: String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let now = calendar.dateComponents(
            [.weekday, .day, .month, .year, .hour, .minute, .second], from: Date())
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let two = { (number: Int?) in (number! < 10 ? "0" : "") + String(number!) }
        return "\(days[now.weekday! - 1]), \(two(now.day)) \(months[now.month! - 1]) \(now.year!) "
            + "\(two(now.hour)):\(two(now.minute)):\(two(now.second)) GMT"
    }
}
