// An echo server: sends every connection its own bytes back.
//
//     swift run EchoServer --port 7000
//     nc 127.0.0.1 7000

import ArgumentParser
import Foundation
import Reactor

@main
struct EchoServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends every connection its own bytes back.")

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for any.")
    var port = 7000

    func run() throws {
        let (host, port) = (host, port)
        try EventLoop.run {
            let listener = try await TCPListener.bind(host: host, port: port)
            report("listening on \(listener.localAddress)")
            try await listener.serve { stream in
                for try await chunk in stream.chunks { try await stream.write(chunk) }
            }
        }
    }
}

/// Prints at once, to a pipe as well.
func report(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
