// Bytes that belong to somebody else, lent to one system call or one wait.

/// A stretch of memory whose owner keeps it in place while this value is in use.
///
/// Whoever makes one from a span vouches that the span outlives it: a function that borrows a
/// span and waits does not return, and so does not end the borrow, before the wait is over.
@safe struct BorrowedMemory {
    let base: UnsafeMutableRawPointer
    let count: Int

    private init(_ base: UnsafeMutableRawPointer?, _ count: Int) {
        // SAFETY: an empty span may have no address; no byte is touched through the stand-in.
        unsafe self.base = base ?? Self.nowhere
        self.count = count
    }

    // SAFETY: never written, never read: only an address.
    nonisolated(unsafe) private static let nowhere = UnsafeMutableRawPointer.allocate(
        byteCount: 1, alignment: 1)

    /// Memory of somebody in this folder, who keeps it in place while this value is in use.
    @inline(__always)
    init(base: UnsafeMutableRawPointer, count: Int) {
        // SAFETY: the caller vouches for it.
        unsafe self.base = base
        self.count = count
    }

    @inline(__always)
    init(_ span: inout MutableSpan<UInt8>) {
        // SAFETY: the caller holds the span's exclusive access for as long as it uses this value;
        // a span's memory does not move.
        self = unsafe span.withUnsafeMutableBufferPointer {
            unsafe BorrowedMemory($0.baseAddress.map(UnsafeMutableRawPointer.init), $0.count)
        }
    }

    /// For reading from only.
    @inline(__always)
    init(_ span: Span<UInt8>) {
        // SAFETY: as above; nothing writes through it.
        self = unsafe span.withUnsafeBufferPointer {
            unsafe BorrowedMemory(
                UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count)
        }
    }

    /// For reading from only, and only while `array` lives unchanged.
    @inline(__always)
    init(keptAlive array: [UInt8]) {
        // SAFETY: an array's elements stay in place while it is held and not mutated, which the
        // caller does.
        self = unsafe array.withUnsafeBufferPointer {
            unsafe BorrowedMemory(
                UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count)
        }
    }

    /// No bytes.
    // SAFETY: the address is never followed.
    static var none: BorrowedMemory { unsafe BorrowedMemory(nil, 0) }

    /// Fresh memory that is never freed: for what lives as long as its thread.
    static func allocate(count: Int) -> BorrowedMemory {
        // SAFETY: the size and the memory belong together.
        unsafe BorrowedMemory(.allocate(byteCount: count, alignment: 16), count)
    }

    /// Frees what `allocate` made.
    func deallocate() {
        // SAFETY: called once, by the owner.
        unsafe base.deallocate()
    }

    /// The part that begins `offset` bytes in.
    func dropFirst(_ offset: Int) -> BorrowedMemory {
        precondition(offset <= count)
        // SAFETY: within the bounds just checked.
        return unsafe BorrowedMemory(base + offset, count - offset)
    }

    func prefix(_ length: Int) -> BorrowedMemory {
        // SAFETY: no longer than it was.
        unsafe BorrowedMemory(base, min(length, count))
    }

    /// A copy of the first `length` bytes: one allocation.
    @inline(__always)
    func copy(prefix length: Int) -> [UInt8] {
        precondition(length <= count)
        // SAFETY: the owner keeps the bytes in place during this call.
        return unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: length))
    }

    /// Appends a copy of everything to `array`.
    @inline(__always)
    func append(to array: inout [UInt8]) {
        // SAFETY: the owner keeps the bytes in place during this call.
        unsafe array.append(contentsOf: UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Copies all of `other` to the front of this memory; nothing to do if that is where it is.
    func fill(from other: BorrowedMemory) {
        precondition(other.count <= count)
        // SAFETY: both owners keep their memory in place; an overlap is allowed.
        unsafe base.copyMemory(from: other.base, byteCount: other.count)
    }

    /// Copies `count` bytes of `array`, from `offset` on, to the front of this memory.
    func fill(from array: [UInt8], at offset: Int, count length: Int) {
        precondition(length <= count && offset + length <= array.count)
        guard length > 0 else { return }
        // SAFETY: both ranges were checked above and cannot overlap.
        unsafe array.withUnsafeBytes { source in
            unsafe base.copyMemory(from: source.baseAddress! + offset, byteCount: length)
        }
    }
}
