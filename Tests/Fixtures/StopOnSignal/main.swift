// A server that SIGTERM stops, in the ways that StopOnTests asks for.

import Reactor
import Synchronization

let mode = CommandLine.arguments.dropFirst().first ?? "serve"
let more = CommandLine.arguments.dropFirst(2).first
/// Longer than a busy machine needs, unless a test is to see its end.
let grace = Duration.seconds(more.flatMap { Int($0) } ?? 60)

/// Answers one request after a while, having said that it is under way.
@Sendable func handle(_ stream: TCPStream) async throws {
    for try await line in stream.lines() {
        try await stream.write("begun\n")
        switch line {
        case "deaf":
            // Nobody cancels that task: this handler waits however often it is told.
            _ = await Task.detached { try await Task.sleep(for: .seconds(3_600)) }.result
        case "spin":
            while true {}
        default:
            // Until the stop, and well beyond it.
            while !isStopping.load(ordering: .relaxed) {
                try await EventLoop.sleep(for: .milliseconds(50))
            }
            try await EventLoop.sleep(for: .milliseconds(300))
            return try await stream.write("done\n")
        }
    }
}

let isStopping = Atomic(false)

/// The program listens too, and hears what the loop hears.
@Sendable func noteStop() throws {
    let signals = try Signals(.terminate)
    Task {
        _ = try await signals.next()
        isStopping.store(true, ordering: .relaxed)
    }
}

@Sendable func report(_ report: ShutdownReport) { say("report: \(report)") }

@Sendable func announce(_ listener: TCPListener) { say(listener.localAddress) }

switch mode {
case "group":
    try EventLoopGroup.run(
        count: 2, stopOn: [.terminate], grace: grace, onReport: report
    ) { group in
        // On one of the loops that are to serve: elsewhere it would close with its backlog.
        let listener = try await group.loops[0].submit {
            try await TCPListener.bind(to: .loopback(port: 0), reusePort: true)
        }
        try noteStop()
        announce(listener)
        try await listener.serve(on: group, handle)
    }
case "shared":
    // A grace that nobody wants to wait for.
    try EventLoop.run(stopOn: [.terminate], grace: .seconds(3_600), onReport: report) {
        let shared = EventLoopGroup.shared
        let listener = try await shared.loops[0].submit {
            try await TCPListener.bind(to: .loopback(port: 0), reusePort: true)
        }
        try noteStop()
        announce(listener)
        try await listener.serve(on: shared, drain: .seconds(3_600), handle)
        say("drained")
    }
case "everything":
    try EventLoop.run(stopOn: [.terminate], grace: grace, onReport: report) {
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        let local = try await UnixListener.bind(path: more ?? "")
        let socket = try await UDPSocket.bind(to: .loopback(port: 0))
        let child = try await Command("sleep", "3600").spawn()
        let loop = EventLoop.current!
        loop.spawn { try await local.serve { try await $0.write("hello") } }
        loop.spawn { for try await _ in socket.datagrams {} }
        loop.spawn { for try await _ in Ticks(every: .milliseconds(1)) {} }
        loop.spawn { try await Command("sleep", "3600").run() }
        try noteStop()
        announce(listener)
        say(child.pid)
        try await listener.serve(handle)
        say("drained")
    }
case "spin":
    try EventLoop.run(stopOn: [.terminate], grace: .milliseconds(300), onReport: report) {
        let loop = EventLoop.current
        let listener = try await TCPListener.bind(to: .loopback(port: 0))
        try noteStop()
        announce(listener)
        loop?.spawn(name: "the endless one") {
            // After the announcement.
            try await EventLoop.sleep(for: .milliseconds(20))
            say("spins")
            while true {}
        }
        try await listener.serve(handle)
    }
default:
    try EventLoop.run(stopOn: [.terminate, .interrupt], grace: grace, onReport: report) {
        EventLoop.current?.onShutdown { say("hook") }
        let listener = try await TCPListener.bind(to: .loopback(port: 0), backlog: 4096)
        try noteStop()
        announce(listener)
        try await listener.serve(handle)
        say("drained")
    }
}
say("ended")
