// A process with something of every kind to look at, which serves an inspector at its argument.

import Reactor

let path = CommandLine.arguments[1]

// What still waits when the time is up is cancelled, which is as good an end.
do {
    try EventLoop.run(name: "main", stopOn: [.terminate], grace: .seconds(1)) {
        guard let loop = EventLoop.current else { return }
        let listener = try await TCPListener.bind(host: "127.0.0.1", port: 0)
        loop.spawn(name: "inspector") { try await EventLoop.serveInspector(at: path) }
        loop.spawn(name: "server") {
            try await listener.serve { stream in
                for try await chunk in stream.chunks { try await stream.write(chunk) }
            }
        }
        loop.spawn(name: "sleeper") { try await EventLoop.sleep(for: .seconds(3_600)) }
        let child = try await Command("sleep", "3600").spawn()
        loop.spawn(name: "keeper") { try await child.waitUntilExit() }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await client.write([1])
        _ = try await client.read(upTo: 1)
        try await PipeWriter.standardOutput().write("ready\n")
        _ = try await client.read(upTo: 1)
    }
} catch is CancellationError {}
