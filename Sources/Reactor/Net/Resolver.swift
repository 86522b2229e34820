// Something that finds the addresses of a host.

/// Finds the addresses of a host by its name.
///
/// ``SystemResolver`` asks the system and is the default wherever a host is named. Give one of your
/// own to ``TCPStream/connect(host:port:options:resolver:)`` and its like: for another name
/// service, a cache, or a test. It is asked for names only; a numeric address is taken as it is.
public protocol Resolver: Sendable {
    /// The addresses of `host`, with their port, in the order in which they should be tried.
    ///
    /// Called on the executor of whoever needs the answer, so it must not block. Should return
    /// soon when its task is cancelled; the caller's deadline arrives as a cancellation. All
    /// addresses come at once, those of both families: who connects waits for the slower one.
    ///
    /// - Throws: Whatever it likes, to be passed on unchanged. No address may be an empty array.
    func addresses(of host: String, port: Int) async throws -> [SocketAddress]
}

extension Resolver {
    /// The addresses of a host that may be numeric; never none.
    func resolve(_ host: String, port: Int) async throws -> [SocketAddress] {
        try Task.checkCancellation()
        let number = try HostName.port(port)
        if let address = NumericAddress.parse(host, port: number) { return [address] }
        let found = try await addresses(of: host, port: port)
        if found.isEmpty {
            throw ReactorError(.hostHasNoAddress, "look up \(String(host.prefix(253)))")
        }
        return found
    }
}
