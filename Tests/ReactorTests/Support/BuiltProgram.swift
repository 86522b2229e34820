// Where the programs are that were built with the tests: examples, fixtures, reactor-top.

import Foundation

/// A program beside the one that runs the tests.
func builtProgram(_ name: String) throws -> URL {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(filePath: own).deletingLastPathComponent().appending(path: name)
}
