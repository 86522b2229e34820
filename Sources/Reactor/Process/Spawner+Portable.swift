// The portable path: libuv starts the child, on the loop, and tells its end.

extension Spawner {
    /// As `launch`; what libuv cannot do is refused. While its program is being started the loop
    /// stands still, and the child gets whatever descriptors of this process are not
    /// close-on-exec (PITFALLS D12).
    static func launchByUV(
        _ command: Command, _ isScoped: Bool, on loop: EventLoop
    ) async throws -> ChildProcess {
        if let what = command.beyondUV {
            throw ReactorError(
                .notSupported, "run \(command.shownProgram) with \(what) by uv_spawn")
        }
        let preparation = try await blocking(on: pool) { () throws in
            var preparation = try Preparation(command)
            if Task.isCancelled {
                preparation.closeAll()
                throw CancellationError()
            }
            return preparation
        }
        return try await loop.make {
            try start(preparation, command, isScoped, on: loop)
        } ifEnded: {
            var preparation = preparation
            preparation.closeAll()
        }
    }

    /// On the loop.
    private static func start(
        _ preparation: Preparation, _ command: Command, _ isScoped: Bool, on loop: EventLoop
    ) throws -> ChildProcess {
        var preparation = preparation
        guard !loop.core.isClosed else {
            preparation.closeAll()
            throw ReactorError(.loopClosed, "run \(command.shownProgram)")
        }
        let process: UVProcess
        do throws(SpawnRequest.Failure) {
            process = try UVProcess.spawn(preparation.request, on: loop.core.uv)
        } catch {
            preparation.closeAll()
            throw command.error(error, in: preparation.request)
        }
        preparation.closeChildSide()
        // For signals, which by number alone may reach somebody else (PITFALLS D8).
        let child = (try? ChildHandle.open(process.pid)) ?? nil
        let launched = Launched(
            child ?? ChildHandle(pid: process.pid, nil), preparation, process)
        return try ChildProcess(launched, command, isScoped: isScoped, on: loop)
    }
}

extension Command {
    /// What libuv cannot do of what is asked.
    var beyondUV: String? {
        if terminal != nil { return "a terminal" }
        if processGroup != .inherit { return "a process group" }
        if !limits.isEmpty { return "limits" }
        if niceness != nil { return "a niceness" }
        if umask != nil { return "a umask" }
        if parentDeathSignal != nil { return "a parent-death signal" }
        if case .id(_, _, let groups) = user?.kind, groups.isEmpty { return nil }
        return user == nil ? nil : "a user's groups"
    }
}
