// A listening socket, from its options to its address.

extension Descriptor {
    /// A socket that listens, and where. Nothing is left if this throws.
    @inline(never)
    static func listening(
        at address: SocketAddress, _ binding: TCPListener.Binding
    ) throws(ReactorError) -> (Descriptor, SocketAddress) {
        guard let backlog = Int32(exactly: binding.backlog), backlog > 0 else {
            throw ReactorError(.invalidArgument, "listen with a backlog of \(binding.backlog)")
        }
        guard address.family != .unix else {
            throw ReactorError(.invalidArgument, "listen for TCP on \(address)")
        }
        let descriptor = try streamSocket(address.family)
        do throws(ReactorError) {
            try descriptor.allowRebinding()
            if binding.reusePort { try descriptor.sharePort() }
            if address.family == .ipv6 { try descriptor.setIPv6Only(binding.ipv6Only) }
            // Accepted sockets inherit them: no call per connection.
            try descriptor.apply(binding.options, address.family)
            try descriptor.bind(to: address)
            try descriptor.listen(backlog: backlog, at: address)
            return (descriptor, try descriptor.localAddress() ?? address)
        } catch {
            descriptor.close()
            throw error
        }
    }
}
