// Descriptors that travel: in order, to be claimed, and closed where nobody claims them.

import Foundation
import SystemPackage
import Testing

@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct UnixDescriptorsTests {
    private let keeping = UnixOptions(receivesDescriptors: true)

    @Test func `a descriptor arrives with its bytes, and is the receiver's own`() async throws {
        let (sender, receiver) = try await UnixStream.pair(options: keeping)
        let (readEnd, writeEnd) = try Descriptor.pipe()
        try await sender.write("before ")
        try await sender.send([FileDescriptor(rawValue: writeEnd.number)], with: Array("with".utf8))
        try await sender.write(" after")
        try await sender.finish()
        writeEnd.close()
        var text: [UInt8] = []
        var found: [FileDescriptor] = []
        while let message = try await receiver.receive(upTo: 100) {
            text += message.bytes
            found += message.descriptors
            #expect(!message.isIncomplete)
        }
        #expect(text == Array("before with after".utf8))
        let own = Descriptor(number: try #require(found.first).rawValue)
        #expect(found.count == 1 && fcntl(own.number, F_GETFD) == FD_CLOEXEC)
        #expect(own.write([9]) == 1)
        #expect(readEnd.number != own.number)
        own.close()
        readEnd.close()
        await sender.close()
        await receiver.close()
    }

    @Test func `one that waits for a descriptor gets it, wherever it waits`() async throws {
        let (sender, receiver) = try await UnixStream.pair(options: keeping)
        for isElsewhere in [false, true] {
            let witness = try Witness()
            let waiting =
                isElsewhere
                ? Task.detached { try await receiver.receive(upTo: 9) }
                : Task(executorPreference: receiver.loop) { try await receiver.receive(upTo: 9) }
            try await until { receiver.core.inbound.reader != nil }
            try await sender.send([witness.passed], with: [1, 2])
            let message = try #require(try await waiting.value)
            #expect(message.bytes == [1, 2] && message.descriptors.count == 1)
            witness.writeEnd.close()
            #expect(!witness.isClosed)
            for descriptor in message.descriptors { try descriptor.close() }
            try await until { witness.isClosed }
            witness.readEnd.close()
        }
        await sender.close()
        await receiver.close()
    }

    @Test func `each message brings its own, however its bytes are taken`() async throws {
        let (sender, receiver) = try await UnixStream.pair(options: keeping)
        let witnesses = try (0..<5).map { _ in try Witness() }
        for (index, witness) in witnesses.enumerated() {
            try await sender.send([witness.passed], with: [UInt8(index), 100])
            witness.writeEnd.close()
        }
        // All of it is unread in this process now.
        try await until { receiver.core.inbound.unread == 10 }
        for (index, witness) in witnesses.enumerated() {
            let first = try #require(try await receiver.receive(upTo: 1))
            let second = try #require(try await receiver.receive(upTo: 1))
            #expect(first.bytes == [UInt8(index)] && first.descriptors.count == 1)
            #expect(second.bytes == [100] && second.descriptors.isEmpty)
            try first.descriptors[0].close()
            try await until { witness.isClosed }
            witness.readEnd.close()
        }
        await sender.close()
        await receiver.close()
    }

    @Test func `cancelling a receive loses neither bytes nor descriptors`() async throws {
        let (sender, receiver) = try await UnixStream.pair(options: keeping)
        let witness = try Witness()
        let waiting = Task(executorPreference: receiver.loop) {
            try await receiver.receive(upTo: 9)
        }
        try await until { receiver.core.inbound.reader != nil }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        try await sender.send([witness.passed], with: [1])
        witness.writeEnd.close()
        try await until { receiver.core.inbound.unread == 1 }
        let message = try #require(try await receiver.receive(upTo: 9))
        #expect(message.descriptors.count == 1 && !witness.isClosed)
        try message.descriptors[0].close()
        witness.readEnd.close()
        await sender.close()
        await receiver.close()
    }

    // MARK: Unclaimed

    @Test func `those that come with a plain read are closed`() async throws {
        for options in [keeping, UnixOptions()] {
            let (sender, receiver) = try await UnixStream.pair(options: options)
            for isWaiting in [false, true] {
                let witness = try Witness()
                async let early = isWaiting ? receiver.read(upTo: 9) : nil
                if isWaiting { try await until { receiver.core.inbound.reader != nil } }
                try await sender.send([witness.passed], with: [1])
                witness.writeEnd.close()
                var bytes = try await early
                if !isWaiting {
                    var buffer: [UInt8] = [0, 0]
                    bytes = Array(buffer[..<(try await receiver.read(into: &buffer))])
                    bytes = bytes.map { _ in [buffer[0]] }
                }
                #expect(bytes == [1])
                try await until { witness.isClosed }
                witness.readEnd.close()
            }
            await sender.close()
            await receiver.close()
        }
    }

    @Test func `those that nobody has read are closed with the stream`() async throws {
        let (sender, receiver) = try await UnixStream.pair(options: keeping)
        let witness = try Witness()
        try await sender.send([witness.passed], with: [1])
        witness.writeEnd.close()
        try await until { receiver.core.inbound.unread == 1 }
        #expect(!witness.isClosed)
        await receiver.close()
        try await until { witness.isClosed }
        witness.readEnd.close()
        await sender.close()
    }

    @Test func `those that could not be sent are closed with the stream`() async throws {
        let (sender, receiver) = try await UnixStream.pair()
        let witness = try Witness()
        let writing = try await fill(sender)
        let sending = Task(executorPreference: sender.loop) {
            try await sender.send([witness.passed], with: [1])
        }
        try await until { sender.core.outbound.waiting == 2 }
        witness.writeEnd.close()
        #expect(!witness.isClosed)
        sender.abort()
        await expect(.closed) { try await sending.value }
        _ = await writing.result
        try await until { witness.isClosed }
        witness.readEnd.close()
        await receiver.close()
    }

    @Test func `more than are kept are closed, and the message says so`() async throws {
        let (sender, receiver) = try await UnixStream.pair(options: keeping)
        let witness = try Witness()
        let many = [FileDescriptor](repeating: witness.passed, count: UnixStream.maxDescriptors)
        for index in 0..<5 as Range<UInt8> {
            try await sender.send(many, with: [index])
            try await until { receiver.core.inbound.unread == Int(index) + 1 }
        }
        witness.writeEnd.close()
        for index in 0..<5 as Range<UInt8> {
            let message = try #require(try await receiver.receive(upTo: 1))
            #expect(message.bytes == [index])
            #expect(message.descriptors.count == (index < 4 ? many.count : 0))
            #expect(message.isIncomplete == (index == 4))
            for descriptor in message.descriptors { try descriptor.close() }
        }
        try await until { witness.isClosed }
        witness.readEnd.close()
        await sender.close()
        await receiver.close()
    }

    // MARK: Behind other bytes

    @Test func `descriptors wait for the bytes before them, and leave in order`() async throws {
        let (sender, receiver) = try await UnixStream.pair(options: keeping)
        let writing = try await fill(sender)
        let witnesses = try (0..<3).map { _ in try Witness() }
        var sending: [Task<Void, any Error>] = []
        for (index, witness) in witnesses.enumerated() {
            sending.append(
                Task(executorPreference: sender.loop) {
                    try await sender.send([witness.passed], with: [UInt8(index), 101])
                })
            try await until { sender.core.outbound.waiting == index + 2 }
            // The call waits, and yet has its own: the sender's may go.
            witness.writeEnd.close()
        }
        sending[1].cancel()
        await #expect(throws: CancellationError.self) { try await sending[1].value }
        var rest = StreamKind.muchBytes
        while rest > 0 {
            let message = try #require(try await receiver.receive(upTo: min(rest, 65_536)))
            rest -= message.bytes.count
            #expect(message.descriptors.isEmpty)
        }
        for (index, witness) in witnesses.enumerated() {
            var message = try #require(try await receiver.receive(upTo: 2))
            #expect(message.bytes == [UInt8(index), 101])
            #expect(message.descriptors.count == 1)
            try message.descriptors[0].close()
            try await until { witness.isClosed }
            witness.readEnd.close()
            message = .init(bytes: [], descriptors: [], isIncomplete: false)
        }
        _ = await writing.result
        await sender.close()
        await receiver.close()
    }

    @Test func `what cannot be sent is refused, and the stream goes on`() async throws {
        let (sender, receiver) = try await UnixStream.pair(options: keeping)
        let witness = try Witness()
        let tooMany = [FileDescriptor](repeating: witness.passed, count: 254)
        await expect(.invalidArgument) { try await sender.send([witness.passed], with: []) }
        await expect(.invalidArgument) { try await sender.send(tooMany, with: [1]) }
        await expect(.badDescriptor) {
            try await sender.send([FileDescriptor(rawValue: 1_000_000)], with: [1])
        }
        await expect(.invalidArgument) { try await receiver.receive(upTo: 0) }
        try await sender.send([], with: [2])
        let message = try #require(try await receiver.receive(upTo: 9))
        #expect(message.bytes == [2] && message.descriptors.isEmpty)
        let (plain, other) = try await UnixStream.pair()
        await expect(.invalidArgument) { try await plain.receive(upTo: 1) }
        for stream in [sender, receiver, plain, other] { await stream.close() }
        witness.readEnd.close()
        witness.writeEnd.close()
    }

    /// Writes so much that the next writer waits.
    private func fill(_ stream: UnixStream) async throws -> Task<Void, any Error> {
        let task = Task(executorPreference: stream.loop) {
            try await stream.write([UInt8](repeating: 0, count: StreamKind.muchBytes))
        }
        try await until { stream.core.outbound.waiting == 1 }
        return task
    }
}
