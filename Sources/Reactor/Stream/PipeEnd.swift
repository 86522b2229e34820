// Ends of pipes: made, opened by path, and taken over, with every check before libuv sees them.

internal import SystemPackage

/// Makes a pipe: what is written to one end is read from the other.
///
/// A real pipe of the kernel, whose ends children do not inherit. Both live on the current loop;
/// elsewhere on the task's home loop, or a shared one. Suspends only to get there.
///
/// - Throws: ``ReactorError/Code/tooManyOpenFiles``; ``ReactorError/Code/loopClosed``;
///   `CancellationError`.
///
/// libuv: `uv_pipe`, here `pipe2`.
public func makePipe() async throws -> (reader: PipeReader, writer: PipeWriter) {
    try Task.checkCancellation()
    let loop = try EventLoop.forNewObjects()
    return try await loop.make {
        let (readEnd, writeEnd) = try Descriptor.pipe()
        let reader: StreamHandle
        do throws(ReactorError) {
            reader = try PipeEnd.handle(readEnd, .pipeReader, "a pipe", on: loop)
        } catch {
            writeEnd.close()
            throw error
        }
        do throws(ReactorError) {
            let writer = try PipeEnd.handle(writeEnd, .pipeWriter, "a pipe", on: loop)
            return (PipeReader(reader), PipeWriter(writer))
        } catch {
            reader.abort()
            throw error
        }
    }
}

enum PipeEnd {
    /// A stream of a descriptor that is ours, which is closed if this throws. On the loop.
    static func handle(
        _ descriptor: Descriptor, _ medium: StreamCore.Medium, _ name: String, on loop: EventLoop
    ) throws(ReactorError) -> StreamHandle {
        StreamHandle(
            try StreamCore(descriptor, medium, peer: .named(name), on: loop.core), on: loop)
    }

    /// The same from anywhere.
    static func make(
        _ descriptor: Descriptor, _ medium: StreamCore.Medium, _ name: String
    ) async throws -> StreamHandle {
        let loop: EventLoop
        do { loop = try EventLoop.forNewObjects() } catch {
            descriptor.close()
            throw error
        }
        return try await loop.make {
            try handle(descriptor, medium, name, on: loop)
        } ifEnded: {
            descriptor.close()
        }
    }

    /// A FIFO's descriptor; nothing is left open if this throws.
    static func open(_ path: FilePath, _ opening: Descriptor.Opening) async throws -> Descriptor {
        let operation = "open the FIFO \(path)"
        // A path may lead through a network.
        return try await blocking { () throws(ReactorError) in
            let descriptor = try Descriptor.open(path, for: opening, operation)
            do throws(ReactorError) {
                let kind = try descriptor.kind(operation)
                guard kind == .pipe else {
                    throw ReactorError(.invalidArgument, "\(operation), which is \(kind.words)")
                }
                return descriptor
            } catch {
                descriptor.close()
                throw error
            }
        }
    }

    /// A stream of the caller's descriptor, which stays the caller's if this throws.
    static func adopt(
        _ number: Int32, _ medium: StreamCore.Medium
    ) async throws -> StreamHandle {
        try Task.checkCancellation()
        let descriptor = Descriptor(number: number)
        let operation = "\(medium.isReadable ? "read from" : "write to") descriptor \(number)"
        try validate(descriptor, medium, operation)
        let loop = try EventLoop.forNewObjects()
        return try await loop.make {
            try adopt(descriptor, medium, peer: .named("descriptor \(number)"), on: loop)
        }
    }

    private static func validate(
        _ descriptor: Descriptor, _ medium: StreamCore.Medium, _ operation: String
    ) throws(ReactorError) {
        let kind = try descriptor.kind(operation)
        switch kind {
        case .pipe, .socket, .characterDevice: break
        default:
            throw ReactorError(
                .invalidArgument, "\(operation), which is \(kind.words) and cannot be waited for")
        }
        let access = try descriptor.access(operation)
        guard medium.isReadable ? access.reads : access.writes else {
            let way = medium.isReadable ? "reading" : "writing"
            throw ReactorError(.invalidArgument, "\(operation), which is not open for \(way)")
        }
    }

    /// A stream of a descriptor that stays the caller's if this throws. On the loop.
    static func adopt(
        _ descriptor: Descriptor, _ medium: StreamCore.Medium, peer: StreamCore.Peer,
        on loop: EventLoop
    ) throws(ReactorError) -> StreamHandle {
        let core = loop.core
        guard !core.isClosed else { throw ReactorError(.loopClosed, "open a stream") }
        let poll: UVPoll
        do throws(ReactorError) { poll = try UVPoll(descriptor, on: core.uv) } catch {
            guard error.code == .notPermitted else { throw error }
            throw ReactorError(
                .invalidArgument, "use \(peer) as a stream, which cannot be waited for")
        }
        descriptor.closeOnExec()
        return StreamHandle(
            try StreamCore(descriptor, medium, peer: peer, on: core, watchedBy: poll), on: loop)
    }
}
