// What a writer on another thread may send to the loop without waiting for its answer.

internal import Synchronization

/// Counts the bytes of one stream that are on their way to its loop.
///
/// A write from elsewhere that waits for the loop's answer wakes two threads: the loop's, and then
/// its own again. While all goes well there is nothing to wait for, so up to 64 KiB may be under
/// way: half the wake-ups for an echo from an `async` main (docs/decisions/0013-sending-ahead.md).
/// Once bytes had to be queued, or a write failed, the next writers wait until that is over.
struct SendAhead: ~Copyable {
    /// The bytes under way, and the highest bit while nothing may be sent ahead.
    private let word = Atomic<UInt32>(0)

    private static var stopped: UInt32 { 1 << 31 }

    /// True if `count` more bytes may be sent without waiting. Any thread.
    func reserve(_ count: Int) -> Bool {
        guard count > 0, count < Outbound.mark else { return false }
        var seen = word.load(ordering: .relaxed)
        while seen & Self.stopped == 0, seen + UInt32(count) <= UInt32(Outbound.mark) {
            let (exchanged, original) = word.weakCompareExchange(
                expected: seen, desired: seen + UInt32(count), ordering: .relaxed)
            if exchanged { return true }
            seen = original
        }
        return false
    }

    /// True while bytes are on their way. For a caller that comes after their writer.
    @inline(__always)
    var isUnderWay: Bool { word.load(ordering: .relaxed) & ~Self.stopped != 0 }

    /// `count` reserved bytes have come to the loop.
    func arrived(_ count: Int) { word.subtract(UInt32(count), ordering: .relaxed) }

    /// From now on writers wait. Any thread.
    func stop() { word.bitwiseOr(Self.stopped, ordering: .relaxed) }

    /// Nothing is queued any more: writers need not wait. The loop's thread.
    func resume() { word.bitwiseAnd(~Self.stopped, ordering: .relaxed) }
}
