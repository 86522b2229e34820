// A metrics system that keeps what it is told, and wakes who waits for it.

import CoreMetrics
import Synchronization

final class TestFactory: MetricsFactory {
    /// A label and its dimensions.
    struct Key: Hashable {
        let label: String
        let dimensions: [String: String]

        init(_ label: String, _ dimensions: [String: String]) {
            self.label = label
            self.dimensions = dimensions
        }
    }

    private struct State {
        var values: [Key: Double] = [:]
        var destroyed: Set<Key> = []
    }

    private let state = Mutex(State())
    private let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    init() {
        (changes, change) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Sums of counters, and the last value of the rest.
    var values: [Key: Double] { state.withLock { $0.values } }
    var destroyed: Set<Key> { state.withLock { $0.destroyed } }

    /// Suspends until what has been recorded is as it should be.
    func wait(until isMet: (TestFactory) -> Bool) async {
        if isMet(self) { return }
        for await _ in changes where isMet(self) { return }
    }

    fileprivate func set(_ key: Key, _ update: (Double) -> Double) {
        state.withLock { $0.values[key] = update($0.values[key] ?? 0) }
        change.yield()
    }

    private func destroy(_ handler: AnyObject) {
        guard let handler = handler as? TestHandler else { return }
        _ = state.withLock { $0.destroyed.insert(handler.key) }
        change.yield()
    }

    private func handler(_ label: String, _ dimensions: [(String, String)]) -> TestHandler {
        TestHandler(Key(label, Dictionary(uniqueKeysWithValues: dimensions)), self)
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        handler(label, dimensions)
    }

    func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        handler(label, dimensions)
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        NOOPMetricsHandler.instance
    }

    func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }
    func destroyTimer(_ handler: any TimerHandler) {}
}

private final class TestHandler: CounterHandler, RecorderHandler {
    let key: TestFactory.Key
    private let factory: TestFactory

    init(_ key: TestFactory.Key, _ factory: TestFactory) {
        self.key = key
        self.factory = factory
    }

    func increment(by amount: Int64) { factory.set(key) { $0 + Double(amount) } }
    func reset() { factory.set(key) { _ in 0 } }
    func record(_ value: Int64) { factory.set(key) { _ in Double(value) } }
    func record(_ value: Double) { factory.set(key) { _ in value } }
}
