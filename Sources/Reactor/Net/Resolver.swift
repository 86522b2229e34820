// stand-in
enum Resolver {
    static func resolve(host: String, port: Int) async throws -> [SocketAddress] {
        [try SocketAddress(ip: host, port: port)]
    }
}
