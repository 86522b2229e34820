// What a buffered reader has read and not handed out, and the search for frames in it.

/// Bytes in order of arrival. An idle one holds no memory: what arrives first becomes the store
/// itself, and the store goes with its last byte.
struct ReadAhead {
    private var bytes: [UInt8] = []
    private var start = 0

    /// What a search has come to.
    enum Match: Equatable {
        /// A frame of `count` bytes, which takes up `total` of them.
        case found(count: Int, total: Int)
        /// Not there yet; more bytes may bring it.
        case more
        /// Whatever comes, the frame is longer than the limit.
        case tooLong
    }

    var count: Int { bytes.count - start }
    var isEmpty: Bool { start == bytes.count }

    mutating func append(_ chunk: [UInt8]) {
        if isEmpty {
            bytes = chunk
            start = 0
        } else {
            if start > 0 {
                bytes.removeSubrange(..<start)
                start = 0
            }
            bytes += chunk
        }
    }

    // MARK: Taking

    /// The first `count` bytes, left in place.
    func prefix(_ count: Int) -> ArraySlice<UInt8> {
        bytes[start..<start + min(count, self.count)]
    }

    mutating func take(_ count: Int) -> [UInt8] {
        if start == 0, count == bytes.count {
            defer { bytes = [] }
            return bytes
        }
        defer { drop(count) }
        return Array(prefix(count))
    }

    /// The first `count` bytes as text, invalid UTF-8 repaired; `total` bytes are taken.
    mutating func takeText(_ count: Int, of total: Int) -> String {
        defer { drop(total) }
        return String(decoding: prefix(count), as: UTF8.self)
    }

    /// Fills `memory` from the front with what is there. The number of bytes taken.
    mutating func take(into memory: BorrowedMemory) -> Int {
        let count = min(memory.count, count)
        memory.fill(from: bytes, at: start, count: count)
        drop(count)
        return count
    }

    private mutating func drop(_ count: Int) {
        start += count
        if start == bytes.count {
            bytes = []
            start = 0
        }
    }

    // MARK: Searching

    /// A line at the front, of at most `limit` bytes without its end, LF or CRLF. `scanned` bytes
    /// are known to hold no LF; it is brought up to date.
    func line(limit: Int, scanned: inout Int) -> Match {
        if let end = bytes[(start + scanned)...].firstIndex(of: 0x0A) {
            let total = end - start + 1
            let count = end > start && bytes[end - 1] == 0x0D ? total - 2 : total - 1
            return count <= limit ? .found(count: count, total: total) : .tooLong
        }
        scanned = count
        // One byte over the limit may be the CR of the line's end.
        if count - 1 > limit || count - 1 == limit && bytes.last != 0x0D { return .tooLong }
        return .more
    }

    /// A frame at the front that ends with the first `delimiter`, of at most `limit` bytes with it.
    /// No occurrence begins before `scanned`; it is brought up to date.
    func frame(through delimiter: [UInt8], limit: Int, scanned: inout Int) -> Match {
        let last = bytes.count - delimiter.count
        var candidate = start + scanned
        while candidate <= last {
            guard let next = bytes[candidate...last].firstIndex(of: delimiter[0]) else {
                candidate = last + 1
                break
            }
            if bytes[next..<next + delimiter.count].elementsEqual(delimiter) {
                let total = next - start + delimiter.count
                return total <= limit ? .found(count: total, total: total) : .tooLong
            }
            candidate = next + 1
        }
        scanned = candidate - start
        return count >= limit ? .tooLong : .more
    }
}
