// The README's first program, as it stands there.

import Reactor

@main struct Echo {
    static func main() throws {
        try EventLoop.run {
            let listener = try await TCPListener.bind(host: "127.0.0.1", port: 7000)
            try await listener.serve { stream in
                for try await chunk in stream.chunks { try await stream.write(chunk) }
            }
        }
    }
}
