// Who is at the other end of a stream.

/// The other end of a stream, for messages.
enum Peer: CustomStringConvertible {
    case address(SocketAddress)
    /// Asked for only when it is needed.
    case socket(Descriptor)

    var description: String {
        switch self {
        case .address(let address): address.description
        case .socket(let descriptor):
            ((try? descriptor.remoteAddress()) ?? nil)?.description ?? "a peer that has gone"
        }
    }
}
