// Writing on the loop: to the kernel at once where it takes the bytes, else to the queue.

extension StreamCore {
    @inline(__always)
    func refusal() -> ReactorError? { outbound.refusal { "write to \(peerName)" } }

    /// True if the write is complete; false if the rest waits to be sent.
    @inline(__always)
    func write(_ memory: BorrowedMemory) throws(ReactorError) -> Bool {
        if let refusal = refusal() { throw refusal }
        var sent = 0
        if outbound.isClear {
            if memory.count == 0 { return true }
            sent = try send(memory)
            if sent == memory.count { return true }
        }
        queue(memory.dropFirst(sent))
        return false
    }

    /// True if the write is complete; false if the rest waits to be sent.
    @inline(__always)
    func write(_ bytes: [UInt8]) throws(ReactorError) -> Bool {
        if let refusal = refusal() { throw refusal }
        guard outbound.isClear else {
            queue(bytes)
            return false
        }
        if bytes.isEmpty { return true }
        let sent = try send(BorrowedMemory(keptAlive: bytes))
        if sent == bytes.count { return true }
        queue(bytes, from: sent)
        return false
    }

    /// The same for several arrays; one system call where nothing waits and the kernel takes all.
    func write(contentsOf parts: [[UInt8]]) throws(ReactorError) -> Bool {
        if parts.count == 1 { return try write(parts[0]) }
        if let refusal = refusal() { throw refusal }
        var sent = 0
        if outbound.isClear {
            let first = parts.lazy.filter { !$0.isEmpty }.prefix(1024)
            let memory = first.map { BorrowedMemory(keptAlive: $0) }
            if memory.isEmpty { return true }
            sent = try send(parts: Array(memory))
        }
        var skipped = 0
        for part in parts where !part.isEmpty {
            let offset = min(part.count, max(0, sent - skipped))
            skipped += part.count
            if offset < part.count { queue(part, from: offset) }
        }
        return outbound.pending == 0
    }

    /// Bytes from elsewhere whose writer has not waited. What goes wrong is in store for the next
    /// write, which waits.
    func writeAhead(_ parts: [[UInt8]], _ count: Int) {
        _ = try? write(contentsOf: parts)
        ahead.arrived(count)
    }

    /// Sends what the kernel takes now. A count, or the failure.
    @inline(__always)
    func send(_ memory: BorrowedMemory) throws(ReactorError) -> Int {
        let count = medium.isPlainSocket ? descriptor.send(memory) : sendOther(memory)
        return count >= 0 ? count : try unsent(count)
    }

    func send(parts: [BorrowedMemory]) throws(ReactorError) -> Int {
        let count =
            medium.isPlainSocket ? descriptor.send(parts: parts) : sendOther(parts: parts)
        return count >= 0 ? count : try unsent(count)
    }

    /// No bytes where the kernel has no room; else the failure, which everybody is told.
    func unsent(_ status: Int) throws(ReactorError) -> Int {
        let code = ReactorError.Code(rawValue: Int32(status))
        if code == .wouldBlock || code == .noBufferSpace { return 0 }
        if code == .connectionReset { hasFailedToSend = true }
        let error = ReactorError(code, "write to \(peer)")
        fail(error)
        throw error
    }

    func park(_ writer: Outbound.Writer) { outbound.park(writer) }

    func cancelWrite(_ id: WaitID) { outbound.cancel(id)?.resume(.cancelled) }

    /// Keeps what the kernel did not take.
    @inline(never)
    func queue(_ array: [UInt8], from offset: Int = 0) {
        ahead.stop()
        outbound.append(array, from: offset)
        if !watched.contains(.writable) { updateWatch() }
    }

    @inline(never)
    func queue(_ rest: BorrowedMemory) { queue(rest.copy(prefix: rest.count)) }
}
