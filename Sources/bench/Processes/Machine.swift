// What this run has to work with: cores, limits, the kernel.

import CBaseline
import Foundation

enum Machine {
    static let coreCount = Int(cbaseline_core_count())

    /// The cores of server and client, where there are two.
    static let cores: (server: Int32, client: Int32)? =
        coreCount < 2 ? nil : (cbaseline_core(0), cbaseline_core(1))

    static let descriptorLimit = Int(cbaseline_raise_descriptor_limit())

    static var description: String {
        let system = ProcessInfo.processInfo.operatingSystemVersionString
        let pinning =
            cores.map { "server on core \($0.server), client on core \($0.client)" }
            ?? "one core: server and client share it"
        return "\(system), \(coreCount) cores, \(pinning)"
    }

    /// Runs `body` on the client's core.
    static func asClient<Value>(_ body: () throws -> Value) rethrows -> Value {
        guard let cores else { return try body() }
        _ = cbaseline_pin(cores.client)
        defer { cbaseline_unpin() }
        return try body()
    }
}
