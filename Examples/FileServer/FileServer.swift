// A file server: a directory over HTTP/1.1, for curl, wrk and browsers.
//
//     swift run FileServer ~/site --port 8080
//     curl -r 0-99 http://127.0.0.1:8080/index.html

import ArgumentParser
import Foundation
import Reactor

@main
struct FileServer: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serves a directory over HTTP/1.1.")

    @Argument(help: "The directory to serve.")
    var root = "."

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for any.")
    var port = 8080

    @Option(help: "A Unix socket's path to listen on instead.")
    var unixSocket: String?

    func run() throws {
        let (host, port, unixSocket) = (host, port, unixSocket)
        let site = try Site(root: root)
        try EventLoop.run {
            if let unixSocket {
                let listener = try await UnixListener.bind(path: unixSocket)
                report("serving \(site.root) on \(listener.localAddress)")
                try await listener.serve { try await converse($0, site) }
            } else {
                let listener = try await TCPListener.bind(host: host, port: port)
                report("serving \(site.root) on \(listener.localAddress)")
                try await listener.serve { try await converse($0, site) }
            }
        }
    }
}

/// How long a client may take: to ask for more, to say what, and to take 256 KiB of an answer.
enum Patience {
    static let idle = Duration.seconds(30)
    static let request = Duration.seconds(10)
    static let chunk = Duration.seconds(30)
}

/// Answers one request after the other, for as long as the client keeps the connection.
@Sendable func converse(_ stream: some ByteStream, _ site: Site) async throws {
    let reader = BufferedReader(stream)
    while true {
        // Nothing asked for in time is no error.
        guard let first = try? await withTimeout(Patience.idle, { try await reader.peek(1) }),
            !first.isEmpty
        else { return }
        let response: Response
        var (keepsAlive, isHead) = (false, false)
        do {
            let request = try await withTimeout(Patience.request) { try await Request(reader) }
            (keepsAlive, isHead) = (request.keepsAlive, request.method == "HEAD")
            response = try await blocking { try site.answer(request) }
        } catch let refusal as Refusal {
            response = Response(refusal)
            if refusal.status != .notFound { keepsAlive = false }
        } catch is TimeoutError {
            response = Response(Refusal(.timeout))
        }
        do {
            try await response.send(to: stream, keepsAlive: keepsAlive, isHead: isHead)
        } catch let error as ReactorError
            where error.code == .connectionReset || error.code == .brokenPipe
        {
            // Clients leave in mid-answer: no news.
            return
        }
        if !keepsAlive { return try await linger(stream, reader) }
    }
}

/// Ends this side, and reads on for a moment: closing with something unread is a reset, which can
/// take the answer back before the client has read it.
private func linger(_ stream: some ByteStream, _ reader: BufferedReader<some ByteReader>)
    async throws
{
    try await stream.finish()
    _ = try? await withTimeout(.seconds(1)) {
        var left = 1 << 20
        while left > 0, let bytes = try await reader.read(upTo: 65_536) { left -= bytes.count }
    }
}

/// Prints at once, to a pipe as well.
func report(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
