// trial
import CBaseline
import Reactor
@preconcurrency import Glibc
nonisolated(unsafe) let stdoutP = stdout

setvbuf(stdoutP, nil, _IOLBF, 0)
let which = CommandLine.arguments[1]
let port = UInt16(CommandLine.arguments[2])!
switch which {
case "libuv": _ = cbaseline_echo(port) { print("ready \($0)") }
default:
    try EventLoop.run {
        let listener = try await TCPListener.bind(to: .loopback(port: port))
        print("ready \(listener.localAddress.port)")
        if which == "reactor" {
            try await listener.serve { stream in
                var buffer = [UInt8](repeating: 0, count: 65536)
                while true {
                    var span = buffer.mutableSpan
                    let count = try await stream.read(into: &span)
                    if count == 0 { return }
                    try await stream.write(buffer.span.extracting(0..<count))
                }
            }
        } else {
            try await listener.serve { stream in
                for try await chunk in stream.chunks { try await stream.write(chunk) }
            }
        }
    }
}
