// Ending a stream that its peer does not end.

extension StreamCore {
    /// Takes in what has come by now, however much is unread, and then the end: for a pipe whose
    /// writer has gone, and which somebody who got it from there holds open.
    func drainAndEnd() {
        guard isOpen, inbound.isOpen else { return }
        // No more than there is: whoever holds it open may be writing.
        var left = descriptor.readableBytes
        while left > 0 {
            let memory = inbound.landing(else: core.landing).prefix(left)
            let count = receive(into: memory)
            guard count > 0 else { break }
            left -= count
            if let wake = inbound.received(count, in: memory) { wake.waiter.resume(wake.outcome) }
        }
        if let wake = inbound.finish() { wake.waiter.resume(wake.outcome) }
        updateWatch()
    }
}
