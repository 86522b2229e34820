// The one task whose waits on a stream need no cancellation handler.

extension StreamCore {
    /// True if the current task's cancellation is seen to.
    @inline(__always)
    var isOwnersWait: Bool { owner != nil && owner == TaskIdentity.current }

    /// Makes the current task the owner, or nobody.
    func setOwner(_ isOwned: Bool) { owner = isOwned ? TaskIdentity.current : nil }

    func cancelOwner() {
        cancelRead(.owner)
        cancelWrite(.owner)
    }

    /// A read of the task whose cancellation is seen to already.
    @inline(__always)
    func ownersRead(_ target: Inbound.Target) async -> ReadOutcome {
        await suspend {
            park(Inbound.Reader(id: .owner, target: target, waiter: .here($0)))
        }
    }
}
