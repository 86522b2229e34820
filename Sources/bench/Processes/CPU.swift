// CPU time of a process, and stopwatches on both clocks.

import CBaseline
import Foundation

/// CPU used by a process.
struct CPU {
    var total: Double
    var userTicks: Double
    var systemTicks: Double

    init(of process: pid_t) {
        var cpu = cbaseline_cpu()
        if !cbaseline_cpu_of(process, &cpu) { cpu.total = 0 }
        total = Double(cpu.total)
        userTicks = Double(cpu.user_ticks)
        systemTicks = Double(cpu.system_ticks)
    }
}

/// Reads wall and CPU time from where it was made.
struct Stopwatch: Sendable {
    private let start = cbaseline_now()
    private let cpu = cbaseline_own_cpu()

    var seconds: Double { Double(cbaseline_now() - start) / 1e9 }

    func time(wall: Double? = nil) -> cbaseline_time {
        let passed = cbaseline_now() - start
        return cbaseline_time(
            wall: wall.map { Int64($0 * 1e9) } ?? passed, cpu: cbaseline_own_cpu() - cpu, started: 0
        )
    }
}
