// What this process is, and what it has used.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Surroundings {
    /// Its number.
    static var processID: Int32 { getpid() }

    /// The user that it runs as.
    static var user: UInt32 { geteuid() }

    /// What it was called by.
    static var programName: String { CommandLine.arguments.first ?? "" }

    /// Seconds of processor time so far, and bytes of memory now; zero where the system does not
    /// say.
    static var usage: (cpuSeconds: Double, residentBytes: Int) {
        var time = timespec()
        // SAFETY: the call fills one structure.
        _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return (Double(time.tv_sec) + Double(time.tv_nsec) / 1e9, residentBytes ?? 0)
    }

    /// The second number of /proc/self/statm, in pages.
    private static var residentBytes: Int? {
        guard let file = try? Descriptor.file("/proc/self/statm", .read) else { return nil }
        defer { file.close() }
        let memory = BorrowedMemory.allocate(count: 256)
        defer { memory.deallocate() }
        let count = file.read(into: memory)
        guard count > 0 else { return nil }
        let words = String(decoding: memory.copy(prefix: count), as: UTF8.self)
            .split(separator: " ")
        return words.count > 1 ? Int(words[1]).map { $0 * sysconf(Int32(_SC_PAGESIZE)) } : nil
    }
}
