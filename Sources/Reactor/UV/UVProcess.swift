// libuv's own child processes: the portable path.

internal import CUV

/// A child that libuv has started, and tells the end of. Where this library has no way of its own,
/// or is told not to use it.
@safe final class UVProcess: UVHandle {
    /// Zero until it runs.
    private(set) var pid: Int32 = 0
    private var exited: ((Int64, Int32) -> Void)?
    private var result: (Int64, Int32)?

    // SAFETY: the memory is one initialised handle's, and is the superclass's to free.
    private init(on loop: UVLoop, memory: UnsafeMutablePointer<uv_process_t>) {
        unsafe super.init(.process, on: loop, memory: UnsafeMutableRawPointer(memory))
    }

    /// Starts the child; the loop is blocked until its program runs. Nothing is left if it throws,
    /// once the loop has turned.
    ///
    /// libuv: `uv_spawn`.
    static func spawn(
        _ request: SpawnRequest, on loop: UVLoop
    ) throws(SpawnRequest.Failure) -> UVProcess {
        let placeholders = standardPlaceholders()
        defer { for placeholder in placeholders { placeholder.close() } }
        let memory = UnsafeMutablePointer<uv_process_t>.allocate(capacity: 1)
        // SAFETY: fresh memory, initialised by the call also where it fails; what the options point
        // to is lent for its duration.
        let status = unsafe CStrings.lend(request.arguments) { arguments in
            unsafe CStrings.lend(request.environment ?? []) { environment in
                unsafe CStrings.lend(request.name) { file in
                    unsafe CStrings.lend(request.directory) { directory in
                        var stdio = unsafe containers(request.moves)
                        return unsafe stdio.withUnsafeMutableBufferPointer { stdio in
                            var options = unsafe uv_process_options_t()
                            unsafe options.exit_cb = processExited
                            unsafe options.file = file
                            unsafe options.args = arguments
                            if request.environment != nil {
                                unsafe options.env = environment
                            }
                            unsafe options.cwd = directory
                            unsafe options.stdio = stdio.baseAddress
                            unsafe options.stdio_count = Int32(stdio.count)
                            unsafe options.flags = flags(request)
                            unsafe options.uid = request.user ?? 0
                            unsafe options.gid = request.group ?? 0
                            return unsafe uv_spawn(loop.raw, memory, &options)
                        }
                    }
                }
            }
        }
        let process = unsafe UVProcess(on: loop, memory: memory)
        process.adopt()
        guard status >= 0 else {
            // libuv leaves a failed handle in its queue (PITFALLS D11).
            process.close()
            throw SpawnRequest.Failure(step: step(status, request), errno: -status)
        }
        process.pid = unsafe memory.pointee.pid
        return process
    }

    /// libuv does not say what failed.
    private static func step(_ status: Int32, _ request: SpawnRequest) -> SpawnRequest.Step {
        let code = ReactorError.Code(rawValue: status)
        if [.temporarilyUnavailable, .outOfMemory, .tooManyOpenFiles].contains(code) {
            return .fork
        }
        if let directory = request.directory, !Surroundings.canEnter(directory) {
            return .directory
        }
        if code == .notPermitted, request.user != nil { return .user }
        return .program(0)
    }

    /// What is to stand where 0, 1 or 2 is closed: libuv would get such a number for a pipe of its
    /// own, and aborts when it closes that.
    private static func standardPlaceholders() -> [Descriptor] {
        var placeholders: [Descriptor] = []
        while (0...2).contains(where: { !Descriptor(number: $0).isOpen }) {
            guard let null = try? Descriptor.file("/dev/null", .read) else { break }
            placeholders.append(null)
        }
        return placeholders
    }

    private static func containers(_ moves: [SpawnRequest.Move]) -> [uv_stdio_container_t] {
        let count = Int((moves.map(\.target).max() ?? 2) + 1)
        // SAFETY: plain values; an ignored place has no descriptor.
        var empty = unsafe uv_stdio_container_t()
        unsafe empty.flags = UV_IGNORE
        var all = unsafe [uv_stdio_container_t](repeating: empty, count: count)
        for move in moves {
            // Of the first three libuv opens /dev/null where they are ignored; and it would pass on
            // whatever of this process has got a number that was closed.
            guard let source = move.source else { continue }
            if move.inherits, !Descriptor(number: source).isInheritable { continue }
            unsafe all[Int(move.target)].flags = UV_INHERIT_FD
            unsafe all[Int(move.target)].data.fd = source
        }
        return unsafe all
    }

    private static func flags(_ request: SpawnRequest) -> UInt32 {
        var flags: UInt32 = 0
        if request.newSession { flags |= UV_PROCESS_DETACHED.rawValue }
        if request.user != nil { flags |= UV_PROCESS_SETUID.rawValue }
        if request.group != nil { flags |= UV_PROCESS_SETGID.rawValue }
        return flags
    }

    /// Tells the code and the signal of its end, at once if that has come. The handle closes then.
    func onExit(_ body: @escaping (Int64, Int32) -> Void) {
        if let result { body(result.0, result.1) } else { exited = body }
    }

    fileprivate func ended(_ code: Int64, _ signal: Int32) {
        result = (code, signal)
        close()
        exited.take()?(code, signal)
    }
}

private func processExited(
    _ process: UnsafeMutablePointer<uv_process_t>?, _ code: Int64, _ signal: Int32
) {
    // SAFETY: `data` is the handle's owner, alive until the close callback.
    unsafe Unmanaged<UVProcess>.fromOpaque(process!.pointee.data)
        ._withUnsafeGuaranteedRef { $0.ended(code, signal) }
}
