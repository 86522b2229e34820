// What belongs to the whole process, counted in /proc: for exit tests, which have their own.

import Foundation

/// Open descriptors, less the one that counting takes.
func descriptorCount() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count - 1
}

/// Threads of this process.
func threadCount() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
}

/// Children of this process that have ended and that nobody has waited for.
func zombieCount() throws -> Int {
    try childProcesses().count { $0.state == "Z" }
}

/// Children of this process, by the kernel's table.
func childProcesses() throws -> [(pid: Int32, state: Character)] {
    let own = ProcessInfo.processInfo.processIdentifier
    return try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { entry in
        // Processes come and go while this looks: a missing file is no error.
        guard let pid = Int32(entry),
            let line = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let bracket = line.lastIndex(of: ")")
        else { return nil }
        // "pid (name) state parent …", where the name may hold anything.
        let fields = line[line.index(after: bracket)...].split(separator: " ")
        guard fields.count > 1, let state = fields[0].first, Int32(fields[1]) == own else {
            return nil
        }
        return (pid, state)
    }
}

/// Allows this process as many descriptors as it may have: many tests run at once, and the usual
/// limit of 1,024 is for one program.
func allowAllDescriptors() {
    #if canImport(Glibc)
    let resource = Int32(RLIMIT_NOFILE.rawValue)
    #else
    let resource = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    // SAFETY: both calls read or write the one variable.
    guard unsafe getrlimit(resource, &limit) == 0 else { return }
    // Where there is no limit macOS wants OPEN_MAX at most.
    limit.rlim_cur = limit.rlim_max > 1 << 20 ? 10_240 : limit.rlim_max
    _ = unsafe setrlimit(resource, &limit)
}
