// A UDP echo: sends every datagram back to its sender.
//
//     swift run UDPEcho --port 7000
//     nc -u 127.0.0.1 7000

import ArgumentParser
import Foundation
import Reactor

@main
struct UDPEcho: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends every datagram back to its sender.")

    @Option(help: "The address to receive at.")
    var host = "127.0.0.1"

    @Option(help: "The port to receive at; 0 for any.")
    var port = 7000

    func run() throws {
        let (host, port) = (host, port)
        try EventLoop.run {
            let socket = try await UDPSocket.bind(host: host, port: port)
            report("receiving at \(socket.localAddress)")
            for try await datagram in socket.datagrams {
                do {
                    try await socket.send(datagram.bytes, to: datagram.from)
                } catch let error as ReactorError {
                    // One that cannot be answered is no reason to leave the others.
                    report("\(error)")
                }
            }
        }
    }
}

/// Prints at once, to a pipe as well.
func report(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
