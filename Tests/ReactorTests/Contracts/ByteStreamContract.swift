// What every stream promises, run for every kind of stream: reading.

import Testing
@testable import Reactor

@Suite(.freshLoop, .timeLimit(.minutes(5)))
struct ByteStreamContract {
    @Test(arguments: StreamKind.all)
    func `what was written is read, then the end, again and again`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            try await writer.write("hello")
            try await writer.finish()
            #expect(try await reader.readAll() == Array("hello".utf8))
            var buffer: [UInt8] = [7, 7]
            for _ in 0..<3 {
                #expect(try await reader.read(upTo: 10) == nil)
                #expect(try await reader.read(into: &buffer) == 0)
            }
            #expect(buffer == [7, 7])
        }
    }

    @Test(arguments: StreamKind.all)
    func `every byte arrives, whatever the sizes`(kind: StreamKind) async throws {
        let sizes = [
            1, 2, 3, 255, 256, 4095, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 131_073,
            1 << 20,
        ]
        try await kind.check { writer, reader in
            for size in sizes {
                let bytes = Pattern.bytes(size)
                async let writing: Void = writer.write(bytes)
                #expect(try await reader.readExactly(size) == bytes, "\(size) bytes")
                try await writing
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `every byte arrives through buffers of any size`(kind: StreamKind) async throws {
        let bytes = Pattern.bytes(300_000)
        try await kind.check { writer, reader in
            async let writing: Void = {
                try await writer.write(bytes)
                try await writer.finish()
            }()
            var received: [UInt8] = []
            var generator = SeededGenerator()
            while true {
                let size = Int.random(in: 1...40_000, using: &generator)
                var buffer = [UInt8](repeating: 0, count: size)
                let count = try await reader.read(into: &buffer)
                if count == 0 { break }
                #expect(count <= size)
                received += buffer[..<count]
            }
            try await writing
            #expect(received == bytes, "seed \(generator.seed)")
        }
    }

    @Test(arguments: StreamKind.all)
    func `a read returns no more than fits`(kind: StreamKind) async throws {
        let bytes = Pattern.bytes(51)
        try await kind.check { writer, reader in
            try await writer.write(bytes)
            try await writer.finish()
            var buffer = [UInt8](repeating: 0, count: 50)
            #expect(try await reader.read(into: &buffer) == 50)
            #expect(buffer == Array(bytes[..<50]))
            #expect(try await reader.read(upTo: 50) == Array(bytes[50...]))
            #expect(try await reader.read(upTo: 50) == nil)
        }
    }

    @Test(arguments: StreamKind.all)
    func `a read that waits gets what comes`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            for byte in 0..<UInt8(100) {
                async let arrived = reader.read(upTo: 10)
                await Task.yield()
                try await writer.write([byte])
                #expect(try await arrived == [byte])
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `an empty buffer is refused`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            var nothing: [UInt8] = []
            for limit in [0, -1] {
                let outcome = try await Outcome { _ = try await reader.read(upTo: limit) }
                #expect(outcome == .failed(.invalidArgument))
            }
            let outcome = try await Outcome { _ = try await reader.read(into: &nothing) }
            #expect(outcome == .failed(.invalidArgument))
            try await writer.write([1])
            #expect(try await reader.read(upTo: 1) == [1])
        }
    }

    @Test(arguments: StreamKind.all)
    func `a second reader is refused, the first goes on`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            try await withThrowingTaskGroup { group in
                for _ in 0..<2 {
                    group.addTask {
                        do {
                            return try await reader.read(upTo: 10)
                        } catch let error as ReactorError {
                            #expect(error.code == .busy)
                            return nil
                        }
                    }
                }
                // Nothing has been written: who ends first is who was refused.
                #expect(try await group.next() == .some(nil))
                try await writer.write([1, 2, 3])
                #expect(try await group.next() == [1, 2, 3])
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `cancelling a read loses nothing`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            for round in 0..<UInt8(50) {
                let outcome = try await withThrowingTaskGroup { group in
                    group.addTask { try await Outcome { _ = try await reader.read(upTo: 10) } }
                    if round % 2 == 0 { await Task.yield() }
                    group.cancelAll()
                    return try await group.next()
                }
                #expect(outcome == .cancelled)
                try await writer.write([round])
                #expect(try await reader.read(upTo: 10) == [round])
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `cancelling a read into a buffer leaves the buffer alone`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            let outcome = try await withThrowingTaskGroup { group in
                group.addTask {
                    var buffer: [UInt8] = [7, 7]
                    let outcome = try await Outcome { _ = try await reader.read(into: &buffer) }
                    #expect(buffer == [7, 7])
                    return outcome
                }
                await Task.yield()
                group.cancelAll()
                return try await group.next()
            }
            #expect(outcome == .cancelled)
            try await writer.write([1])
            #expect(try await reader.read(upTo: 10) == [1])
        }
    }

    @Test(arguments: StreamKind.all)
    func `cancelling while bytes arrive loses none`(kind: StreamKind) async throws {
        let bytes = Pattern.bytes(300)
        try await kind.check { writer, reader in
            async let writing: Void = {
                for byte in bytes {
                    try await writer.write([byte])
                    await Task.yield()
                }
                try await writer.finish()
            }()
            var received: [UInt8] = []
            var hasEnded = false
            while !hasEnded {
                let result = await withTaskGroup { group in
                    group.addTask { () -> Result<[UInt8]?, any Error> in
                        do { return .success(try await reader.read(upTo: 3)) } catch {
                            return .failure(error)
                        }
                    }
                    await Task.yield()
                    group.cancelAll()
                    return await group.next()!
                }
                switch result {
                case .success(let chunk?): received += chunk
                case .success(nil): hasEnded = true
                case .failure(let error): #expect(error is CancellationError)
                }
            }
            try await writing
            #expect(received == bytes)
        }
    }

    @Test(arguments: StreamKind.all)
    func `a read in a cancelled task takes nothing`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            try await writer.write([1, 2])
            let outcome = try await cancelled { _ = try await reader.read(upTo: 10) }
            #expect(outcome == .cancelled)
            #expect(try await reader.readExactly(2) == [1, 2])
        }
    }

    @Test(arguments: StreamKind.all)
    func `a cancellation that comes late spares the next read`(kind: StreamKind) async throws {
        try await kind.check { writer, reader in
            for round in 0..<UInt8(200) {
                let read = Task { try await reader.read(upTo: 10) }
                try await writer.write([round])
                _ = try await read.value
                read.cancel()
                async let next = reader.read(upTo: 10)
                try await writer.write([round])
                #expect(try await next == [round])
            }
        }
    }

    @Test(arguments: StreamKind.all)
    func `chunks are what arrives, to the end`(kind: StreamKind) async throws {
        let bytes = Pattern.bytes(200_000)
        try await kind.check { writer, reader in
            async let writing: Void = {
                try await writer.write(bytes)
                try await writer.finish()
            }()
            func gather(_ reader: some ByteReader) async throws -> [UInt8] {
                var received: [UInt8] = []
                for try await chunk in reader.chunks { received += chunk }
                return received
            }
            #expect(try await gather(reader) == bytes)
            try await writing
        }
    }
}
