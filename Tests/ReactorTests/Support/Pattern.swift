// Bytes that show where they belong: no two stretches of 64 KiB are alike.

enum Pattern {
    /// A prime number of bytes, so that no power of two repeats with it.
    private static let block: [UInt8] = {
        var generator = SeededGenerator(seed: 7)
        return (0..<65_521).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }()

    /// The first `count` of an endless series of bytes.
    static func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count + block.count <= count { bytes += block }
        bytes += block.prefix(count - bytes.count)
        return bytes
    }
}
