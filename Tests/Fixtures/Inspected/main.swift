// A process with something of every kind to look at, which serves an inspector at its argument.

import Reactor

let path = CommandLine.arguments[1]

func keep(_ child: ChildProcess) async throws -> ExitStatus {
    let status = try await child.waitUntilExit()
    print("\(child.pid) has ended: \(status)")
    return status
}

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
        loop.spawn(name: "keeper") { try await keep(child) }
        let socket = try await UDPSocket.bind(host: "127.0.0.1", port: 0)
        loop.spawn(name: "receiver") {
            _ = try await socket.receive()
        }
        let (near, far) = try await UnixStream.pair()
        loop.spawn(name: "limited") {
            _ = try await withTimeout(.seconds(3_600)) {
                try await near.read(upTo: 1)
            }
        }
        let promise = Promise<Int>(name: "never")
        loop.spawn(name: "asker") {
            _ = try await promise.future.value
        }
        // Off the loop, where the wait is carried there.
        Task.detached {
            _ = try await far.read(upTo: 1)
        }
        let client = try await TCPStream.connect(to: listener.localAddress)
        try await client.write([1])
        _ = try await client.read(upTo: 1)
        try await PipeWriter.standardOutput().write("ready\n")
        _ = try await client.read(upTo: 2)
        promise.succeed(1)
    }
} catch is CancellationError {}
