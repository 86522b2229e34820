// The complaint: the loop that a library gets is the thread's, by some policy, and need not be the
// one that runs the caller; so loops are passed along through every call.
//
// Line 1 of the answer: the running loop is always known.

import Testing

import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct RunningLoopTests {
    @Test(arguments: Place.allCases)
    func `the loop that runs the caller is known`(in place: Place) async throws {
        let own = try #require(EventLoop.current).name
        let name = try await place.call { EventLoop.current?.name }
        #expect(name == place.loop(own: own))
    }

    @Test(arguments: Place.allCases)
    func `it is the same after every wait`(in place: Place) async throws {
        let isSame = try await place.run {
            let loop = EventLoop.current
            try await EventLoop.sleep(for: .microseconds(1))
            guard EventLoop.current == loop else { return false }
            _ = try await blocking { #expect(EventLoop.current == nil) }
            guard EventLoop.current == loop else { return false }
            await Task.detached {}.value
            return EventLoop.current == loop
        }
        #expect(isSame)
    }

    @Test(arguments: Place.allCases)
    func `what is opened finds its loop without being told`(in place: Place) async throws {
        let own = try #require(EventLoop.current).name
        let names = try await place.run {
            let listener = try await TCPListener.bind(to: .loopback(port: 0))
            defer { listener.close() }
            let socket = try await UDPSocket.bind(to: .loopback(port: 0))
            defer { socket.close() }
            let stream = try await TCPStream.connect(to: listener.localAddress)
            let accepted = try await listener.accept()
            try await stream.write("hello")
            #expect(try await accepted.read(upTo: 5) == Array("hello".utf8))
            await stream.close()
            await accepted.close()
            return [listener.loop.name, accepted.loop.name, stream.loop.name, socket.loop.name]
        }
        let home = place.home(own: own)
        for name in names { #expect(name.hasPrefix(home)) }
    }

    @Test func `code on no loop is told so`() async throws {
        #expect(try await onThread { EventLoop.current } == nil)
        #expect(await MainActor.run { EventLoop.current } == nil)
    }

    @Test func `no public call asks for a loop`() {
        var calls = 0
        for file in SourceTree.library {
            for (index, line) in file.code.enumerated() {
                let words = SourceFile.words(of: line)
                guard words.contains("public"), words.contains("func") || words.contains("init"),
                    !line.contains("func ==")
                else { continue }
                calls += 1
                // A signature of several lines ends where its body begins.
                let end = file.code[index...].firstIndex { $0.hasSuffix("{") } ?? index
                let head = file.code[index...end].joined(separator: " ")
                let parameters = head[..<(head.range(of: ") ->")?.upperBound ?? head.endIndex)]
                let asks =
                    parameters.contains(": EventLoop,") || parameters.contains(": EventLoop)")
                #expect(!asks, "\(file.path):\(index + 1)")
            }
        }
        #expect(calls > 100)
    }
}
