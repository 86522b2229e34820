// The live view: looks again and again, and obeys keys in between.

import Foundation
import Reactor

struct Display {
    private let client: Client
    private let interval: Duration
    private var section = Section.tasks
    private var isPaused = false
    private var now: Look?
    private var before: Look?

    init(_ client: Client, every interval: Duration) {
        self.client = client
        self.interval = interval
    }

    mutating func runToEnd(_ screen: Screen) async throws {
        let keys = try await PipeReader.standardInput()
        while true {
            if !isPaused || now == nil {
                let look = try await client.look()
                (before, now) = (now, look)
            }
            try await draw(on: screen)
            let next = LoopClock.Instant.now.advanced(by: interval)
            while next > .now {
                let pressed: [UInt8]?
                do {
                    pressed = try await withDeadline(Deadline(next)) {
                        try await keys.read(upTo: 64)
                    }
                } catch is TimeoutError {
                    break
                }
                guard let pressed else { return }
                for key in pressed { if !obey(key) { return } }
                try await draw(on: screen)
            }
        }
    }

    func run() async throws {
        let screen = try await Screen()
        var display = self
        let outcome: Result<Void, any Error>
        do {
            try await display.runToEnd(screen)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        // In a task of its own: this one may be cancelled.
        await Task { await screen.restore() }.value
        try outcome.get()
    }

    /// False if it is to end.
    private mutating func obey(_ key: UInt8) -> Bool {
        switch key {
        case 3, UInt8(ascii: "q"): return false
        case UInt8(ascii: " "): isPaused.toggle()
        default: if let section = Section(key: key) { self.section = section }
        }
        return true
    }

    private func draw(on screen: Screen) async throws {
        guard let now else { return }
        let rows = Report.rows(section, now.process)
        var lines = Report.head(now, since: before) + Report.loops(now, since: before)
        lines += ["", Report.title(section, rows.count)]
        let room = max(0, screen.size.rows - lines.count - 1)
        lines += rows.prefix(room)
        if rows.count > room, room > 0 {
            lines[lines.count - 1] = "and \(rows.count - room + 1) more"
        }
        let help = "t tasks  s handles  o operations  i timers  c children  space pause  q quit"
        try await screen.draw(lines, foot: isPaused ? "paused  " + help : help)
    }
}
