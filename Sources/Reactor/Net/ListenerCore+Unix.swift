// What only the listener of a Unix socket has.

extension ListenerCore {
    /// Its file, and who its clients are.
    final class Unix {
        /// Its own, to be removed; `nil` for an abstract name.
        let file: SocketFile?
        let receivesDescriptors: Bool
        /// As errors of its connections have it, whose other ends have no address as a rule.
        let clients: String

        init(_ file: SocketFile?, receivesDescriptors: Bool, clients: String) {
            self.file = file
            self.receivesDescriptors = receivesDescriptors
            self.clients = clients
        }
    }
}
