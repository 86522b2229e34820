// The trail of one request: what an error reporter keeps to tell what led to an error.

import Reactor
import Synchronization

/// What was done for one request, in the order in which it was.
///
/// It is a task-local value, so it is where the work is: in handlers, behind timers, on threads
/// that block, beside children and on other loops. Two requests at once have two.
final class Trail: Sendable {
    @TaskLocal static var current: Trail?

    private let crumbs = Mutex<[String]>([])

    func add(_ crumb: String) { crumbs.withLock { $0.append(crumb) } }

    /// One line for each.
    var text: String { crumbs.withLock { $0.map { "  \($0)\n" }.joined() } }
}

/// Notes that something was done for the current request, whoever's that is, and where.
func crumb(_ what: String) {
    let place = EventLoop.current.map { "on \($0)" } ?? "on no loop"
    Trail.current?.add("\(what) (\(place))")
}
