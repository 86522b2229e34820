// The order of deadlines, against a sorted array that does the same slowly.

import Testing
@testable import Reactor

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct TimerWheelTests {
    /// The wheel beside a model: every operation is done to both.
    private struct Pair {
        var wheel = TimerWheel<Int>()
        var model: [(deadline: UInt64, name: Int, id: TimerID)] = []
        var made = 0

        mutating func add(_ deadline: UInt64) {
            let id = wheel.reserve()
            wheel.start(id, deadline, made)
            // Behind its equals: that is the order of creation.
            var low = 0
            var high = model.count
            while low < high {
                let middle = (low + high) / 2
                if model[middle].deadline <= deadline { low = middle + 1 } else { high = middle }
            }
            model.insert((deadline, made, id), at: low)
            made += 1
        }

        mutating func cancel(at index: Int) -> Bool {
            let entry = model.remove(at: index)
            return wheel.cancel(entry.id) == entry.name && wheel.cancel(entry.id) == nil
        }

        /// Fires all that is due in both; false if they differ.
        mutating func fire(_ now: UInt64) -> Bool {
            var fired: [Int] = []
            while let name = wheel.popDue(now, madeUntil: .max) { fired.append(name) }
            let due = model.prefix { $0.deadline <= now }.map(\.name)
            model.removeFirst(due.count)
            return fired == due && agrees
        }

        var agrees: Bool {
            guard wheel.count == model.count else { return false }
            guard let first = model.first else { return wheel.nextDeadline == nil }
            // Cancelled timers may make it look too early, never too late.
            return wheel.nextDeadline.map { $0 <= first.deadline } ?? false
        }
    }

    private static let tick: UInt64 = 1 << 20

    @Test(arguments: 0..<24)
    func `a random walk agrees with a sorted array`(_: Int) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        var pair = Pair()
        var now = random.next() >> UInt64.random(in: 8...63, using: &random)
        for step in 0..<4_000 {
            let agree: Bool
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                // Spans of every size: each level of the wheel, the same tick, the past.
                let span = random.next() >> UInt64.random(in: 0...63, using: &random)
                let (sum, overflow) = now.addingReportingOverflow(span)
                let past = now - min(now, span)
                pair.add(Bool.random(using: &random) ? (overflow ? .max : sum) : past)
                if Bool.random(using: &random), let some = pair.model.randomElement(using: &random)
                {
                    pair.add(some.deadline)
                }
                agree = pair.agrees
            case 5..<8 where !pair.model.isEmpty:
                let index = Int.random(in: 0..<pair.model.count, using: &random)
                agree = pair.cancel(at: index) && pair.agrees
            default:
                // To the next deadline, just before it, or a leap.
                let next = pair.model.first.map { max($0.deadline, now) } ?? now
                switch Int.random(in: 0..<4, using: &random) {
                case 0: now = next
                case 1: now = max(now, next - min(next, 1))
                case 2: now = max(now, pair.wheel.nextDeadline ?? now)
                default:
                    let leap = random.next() >> UInt64.random(in: 16...63, using: &random)
                    now = now > .max - leap ? now : now + leap
                }
                agree = pair.fire(now)
            }
            guard agree else {
                Issue.record("seed \(seed), step \(step): wheel and model differ")
                return
            }
        }
        let rest = pair.model.map(\.name)
        var drained: [Int] = []
        while let name = pair.wheel.popFirst() { drained.append(name) }
        #expect(drained == rest, "seed \(seed): the rest")
        #expect(pair.wheel.count == 0)
    }

    @Test func `every order of five deadlines fires sorted, ties by creation`() {
        let deadlines: [UInt64] = [0, Self.tick - 1, Self.tick, Self.tick << 6, .max]
        // All 3,125 ways to choose five out of these, repetitions included.
        for choice in 0..<3_125 {
            var pair = Pair()
            var digits = choice
            for _ in 0..<5 {
                pair.add(deadlines[digits % 5])
                digits /= 5
            }
            let agree =
                pair.fire(Self.tick - 1) && pair.fire(Self.tick << 6) && pair.fire(.max)
            #expect(agree && pair.model.isEmpty, "choice \(choice)")
        }
    }

    @Test func `the bounds of every level are kept`() {
        for level in 0..<8 as Range<UInt64> {
            let width = Self.tick << (6 * level)
            let far = width.multipliedReportingOverflow(by: 63)
            let last = far.overflow ? .max : far.partialValue
            for now in [0, 1, width - 1, width, last, 0x5555_5555_5555_5555] as [UInt64] {
                var pair = Pair()
                #expect(pair.wheel.popDue(now, madeUntil: .max) == nil)
                for offset in [0, 1, width - 1, width, width + 1, last] {
                    let (sum, overflow) = now.addingReportingOverflow(offset)
                    pair.add(overflow ? .max : sum)
                    pair.add(now - min(now, offset))
                }
                while let next = pair.model.first?.deadline {
                    let agree = pair.fire(max(next, 1) - 1) && pair.fire(next)
                    #expect(agree, "level \(level), now \(now), deadline \(next)")
                }
            }
        }
    }

    @Test func `it asks to be woken at the only deadline, whatever its distance`() {
        for shift in 0..<64 as Range<UInt64> {
            var wheel = TimerWheel<Int>()
            wheel.start(wheel.reserve(), 1 << shift, 1)
            #expect(wheel.nextDeadline == 1 << shift)
            #expect(wheel.popDue(1 << shift - 1, madeUntil: .max) == nil)
            #expect(wheel.nextDeadline == 1 << shift)
            #expect(wheel.popDue(1 << shift, madeUntil: .max) == 1)
            #expect(wheel.nextDeadline == nil)
        }
    }

    @Test func `a timer made while others fire waits for the next round`() {
        var wheel = TimerWheel<Int>()
        wheel.start(wheel.reserve(), 10, 1)
        let newest = wheel.newest
        #expect(wheel.popDue(20, madeUntil: newest) == 1)
        wheel.start(wheel.reserve(), 5, 2)
        #expect(wheel.popDue(20, madeUntil: newest) == nil)
        #expect(wheel.popDue(20, madeUntil: wheel.newest) == 2)
    }

    @Test func `a name counts from its reservation and can be given back`() {
        var wheel = TimerWheel<Int>()
        let first = wheel.reserve()
        let second = wheel.reserve()
        let third = wheel.reserve()
        #expect(wheel.cancel(first) == nil, "not started yet")
        wheel.start(third, 7, 3)
        wheel.start(first, 7, 1)
        wheel.release(second)
        #expect(wheel.cancel(second) == nil)
        let reused = wheel.reserve()
        #expect(wheel.cancel(second) == nil, "another timer's now")
        wheel.start(reused, 7, 4)
        #expect(wheel.cancel(.none) == nil)
        #expect(wheel.count == 3)
        #expect(wheel.popFirst() == 1)
        #expect(wheel.popFirst() == 3)
        #expect(wheel.popFirst() == 4)
    }

    @Test func `actions are released when their timers end`() {
        final class Canary {}
        var wheel = TimerWheel<Canary>()
        weak var cancelled: Canary?
        weak var fired: Canary?
        var canary: Canary? = Canary()
        cancelled = canary
        let id = wheel.reserve()
        wheel.start(id, 1 << 40, canary!)
        canary = Canary()
        fired = canary
        wheel.start(wheel.reserve(), 1, canary!)
        canary = nil
        #expect(cancelled != nil && fired != nil)
        _ = wheel.cancel(id)
        _ = wheel.popDue(1, madeUntil: .max)
        #expect(cancelled == nil && fired == nil)
    }

    @Test func `a crowd that has left leaves nothing that its names could touch`() {
        var wheel = TimerWheel<Int>()
        var names: [TimerID] = []
        for number in 0..<10_000 {
            names.append(wheel.reserve())
            wheel.start(names[number], UInt64(number) << 24, number)
        }
        let late = wheel.reserve()
        for (number, id) in names.enumerated() { #expect(wheel.cancel(id) == number) }
        // The reserved name has kept the slots in place.
        wheel.start(late, 3, -1)
        #expect(wheel.popFirst() == -1)
        for id in names { #expect(wheel.cancel(id) == nil) }
        wheel.start(wheel.reserve(), 1, 1)
        for id in names { #expect(wheel.cancel(id) == nil) }
        #expect(wheel.count == 1)
    }
}

/// A small generator that repeats for a seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
