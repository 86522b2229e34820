// A TCP proxy: passes every connection on to another server, both ways, end for end.
//
//     swift run TCPProxy 127.0.0.1 5432 --port 6432
//     psql -h 127.0.0.1 -p 6432

import ArgumentParser
import Foundation
import Reactor

@main
struct TCPProxy: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Passes every connection on to another server.")

    @Argument(help: "The host to pass connections on to.")
    var upstreamHost: String

    @Argument(help: "Its port.")
    var upstreamPort: Int

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for any.")
    var port = 6000

    func run() throws {
        let (host, port, upstreamHost, upstreamPort) = (host, port, upstreamHost, upstreamPort)
        try EventLoop.run {
            let listener = try await TCPListener.bind(host: host, port: port)
            report("passing \(listener.localAddress) on to \(upstreamHost):\(upstreamPort)")
            try await listener.serve { client in
                try await TCPStream.withConnection(host: upstreamHost, port: upstreamPort) {
                    server in
                    _ = try await copyBidirectional(client, server)
                }
            }
        }
    }
}

/// Prints at once, to a pipe as well.
func report(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
