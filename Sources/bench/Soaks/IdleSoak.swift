// What a server does while none of its connections has anything to say.

import CBaseline
import Foundation

enum IdleSoak {
    /// Returns what there is to say, and throws if it is too much.
    static func run(_ connections: Int, _ seconds: Int) throws -> String {
        try Machine.asClient {
            let server = try Server(.reactor)
            let load = try Load(port: server.port, connections: connections, size: 64)
            try load.run(each: 1)
            // What a turn leaves for the next one is done by then.
            usleep(500_000)
            let switches = try voluntarySwitches(of: server.child.process)
            let cpu = server.child.cpu
            usleep(UInt32(seconds) * 1_000_000)
            let used = (server.child.cpu.total - cpu.total) / 1e6
            let more = try voluntarySwitches(of: server.child.process)
                .map { thread, count in count - (switches[thread] ?? 0) }
            let most = more.max() ?? 0
            guard used <= 10 else { throw Failure("\(used) ms of CPU, not 10") }
            guard most <= 5 else { throw Failure("a thread was woken \(most) times, not 5") }
            let time = String(format: "%.2f", used)
            return """
                \(connections) connections that wait, in \(seconds) s: \(time) ms of CPU, \
                \(most) wake-ups of the busiest of \(more.count) threads
                """
        }
    }

    /// How often each thread of a process has begun to wait.
    private static func voluntarySwitches(of process: pid_t) throws -> [String: Int] {
        let directory = "/proc/\(process)/task"
        var switches: [String: Int] = [:]
        for thread in try FileManager.default.contentsOfDirectory(atPath: directory) {
            let status = try String(
                contentsOfFile: "\(directory)/\(thread)/status", encoding: .utf8)
            let line = status.split(separator: "\n")
                .first { $0.hasPrefix("voluntary_ctxt_switches:") }
            switches[thread] = line?.split(separator: "\t").last.flatMap { Int($0) }
        }
        return switches
    }
}
