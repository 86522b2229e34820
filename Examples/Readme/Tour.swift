// The README's other lines, each inside a function that gives it what it names.

import Reactor

func running(_ work: @escaping @Sendable () async throws -> Int) throws -> Int {
    let sum = try EventLoop.run { try await work() }
    return sum
}

func calling(
    _ loop: EventLoop, _ ask: @escaping @Sendable () async throws -> Int,
    _ refresh: @escaping @Sendable () async throws -> Void
) async throws -> Int {
    let answer = try await loop.submit { try await ask() }
    let task = loop.spawn(after: .seconds(5), name: "refresh") { try await refresh() }
    task.cancel()
    return answer
}

func timing(_ fetch: () async throws -> String) async throws -> String {
    try await EventLoop.sleep(for: .milliseconds(20))
    let page = try await withTimeout(.seconds(2)) { try await fetch() }
    return page
}

func connecting() async throws {
    try await TCPStream.withConnection(host: "localhost", port: 6379) { stream in
        try await stream.write("PING\r\n")
        print(try await BufferedReader(stream).readLine() ?? "gone")
    }
}

func serving(_ handle: @escaping @Sendable (TCPStream) async throws -> Void) throws {
    try EventLoopGroup.run { group in
        let listener = try await TCPListener.bind(host: "0.0.0.0", port: 7000, reusePort: true)
        try await listener.serve(on: group) { try await handle($0) }
    }
}

func datagrams() async throws {
    let socket = try await UDPSocket.bind(host: "127.0.0.1", port: 9000)
    for try await datagram in socket.datagrams {
        try await socket.send(datagram.bytes, to: datagram.from)
    }
}

func neighbours() async throws {
    let here = try await UnixListener.bind(path: "/run/app.sock")
    try await here.serve { print(try await $0.peerCredentials().userID) }
}

func programs() async throws -> (String, ExitStatus) {
    let head = try await Command("git", "rev-parse", "HEAD").output().text
    let status = try await Command("make").run { child in
        for try await line in child.standardOutput.lines() { print(line) }
    }
    return (head, status)
}

func working(_ loop: EventLoop) async throws {
    let worker = try await Command("python3", "worker.py").spawn()
    let watch = loop.spawn { print(try await worker.waitUntilExit()) }
    await worker.terminate(grace: .seconds(2))
    try await watch.value
}

func reloading() async throws {
    for try await signal in try Signals(.hangup, .user1) { print("\(signal): reloading") }
}

func stopping(_ serve: @escaping @Sendable () async throws -> Void) throws {
    try EventLoop.run(stopOn: [.terminate, .interrupt]) { try await serve() }
}

func blockingWork(_ readTheWholeFile: @Sendable () throws -> String) async throws -> String {
    let text = try await blocking { try readTheWholeFile() }
    return text
}
