// One measurement in a process of its own, so that none inherits another's heap or threads.

import CBaseline
import Foundation

enum Once {
    /// Seconds that something took.
    struct Figures {
        var wall: Double
        var cpu: Double

        init(_ time: cbaseline_time) {
            wall = Double(time.wall) / 1e9
            cpu = Double(time.cpu) / 1e9
        }
    }

    /// Runs `bench once …` and reads its figures.
    static func measure(_ arguments: [String]) throws -> Figures {
        let child = try Child(["once"] + arguments)
        let words = try child.line(within: 150).split(separator: " ")
        guard words.count == 3, words[0] == "time", let wall = Int64(words[1]),
            let cpu = Int64(words[2]), wall > 0
        else { throw Failure("bench once \(arguments): \(words)") }
        return Figures(cbaseline_time(wall: wall, cpu: cpu, started: 0))
    }

    static func report(_ time: cbaseline_time) {
        print("time \(time.wall) \(time.cpu)")
        fflush(nil)
    }
}
