// A child that is on its way to its program while its parent goes on.

internal import CReactor

/// Begun by ``SpawnRequest/begin()``; ended exactly once, when nothing of it is in use.
///
/// Unchecked: handed from the loop to one thread and back, never shared.
@safe struct SpawnAttempt: @unchecked Sendable {
    let child: ChildHandle
    /// Hangs up once the child runs its program, or has failed and ends.
    let through: Descriptor
    private let launch: OpaquePointer

    init(child: ChildHandle, through: Descriptor, _ launch: OpaquePointer) {
        self.child = child
        self.through = through
        // SAFETY: freed in `end`, of which the caller sees to one.
        unsafe self.launch = launch
    }

    /// Lets go of what the child used, once `through` has hung up or the child is reaped. What it
    /// failed in, if it did: then it is the caller's to reap.
    func end() -> SpawnRequest.Failure? {
        through.close()
        var result = reactor_spawn_result()
        // SAFETY: the child has memory of its own by now, or none.
        unsafe reactor_launch_end(launch, &result)
        return SpawnRequest.Step(result).map {
            SpawnRequest.Failure(step: $0, errno: result.error)
        }
    }
}
