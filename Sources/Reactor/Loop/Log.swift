// Where the library reports what it cannot throw.

internal import Logging

enum Log {
    static let logger = Logger(label: "reactor")
}
