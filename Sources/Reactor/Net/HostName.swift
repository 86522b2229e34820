// What may be sent to a name server, and what is refused before anybody is asked.

enum HostName {
    /// The port as the kernel has it.
    static func port(_ port: Int) throws(ReactorError) -> UInt16 {
        guard let number = UInt16(exactly: port) else {
            throw ReactorError(.invalidArgument, "use port \(port): 0 to 65535 is possible")
        }
        return number
    }

    /// Refuses what the C library would cut short, misread or send to a name server in vain. The
    /// text is not repeated in full: it may be anything.
    static func check(_ host: String) throws(ReactorError) {
        let bytes = host.utf8
        if bytes.isEmpty { throw refusal("an empty host name") }
        let shown = String(host.prefix(64)).debugDescription
        if bytes.contains(0) { throw refusal("a host name with a NUL byte: \(shown)") }
        // One final dot, which says that the name is complete, does not count.
        let length = bytes.last == UInt8(ascii: ".") ? bytes.count - 1 : bytes.count
        if length > 253 {
            throw refusal("a host name of \(length) bytes, 253 are possible: \(shown)…")
        }
        let labels = bytes.prefix(length).split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if bytes.contains(UInt8(ascii: ":")) || bytes.contains(UInt8(ascii: "[")) {
            throw refusal("what is neither an IPv6 address nor a name: \(shown)")
        }
        if let last = labels.last, !last.isEmpty, looksNumeric(last) {
            throw refusal("what is neither an IPv4 address nor a name: \(shown)")
        }
        for label in labels {
            if label.isEmpty { throw refusal("a host name with an empty part: \(shown)") }
            if label.count > 63 {
                throw refusal("a host name with a part over 63 bytes: \(shown)")
            }
        }
    }

    /// Refuses what no name of a service can be.
    static func check(service: String) throws(ReactorError) {
        let bytes = service.utf8
        guard !bytes.isEmpty, bytes.count <= 255, !bytes.contains(0) else {
            throw refusal("a service named \(String(service.prefix(64)).debugDescription)")
        }
    }

    /// The C library reads `1.2.3` as 1.2.0.3 and `0x7f.1` as 127.0.0.1. Nobody who writes them
    /// means that, and a filter for addresses misses them (CVE-2024-24806). A strict address has
    /// been accepted before.
    private static func looksNumeric(_ label: some Collection<UInt8>) -> Bool {
        let digits = label.allSatisfy { (48...57).contains($0) }
        let hexadecimal =
            label.count >= 2 && label.first == UInt8(ascii: "0")
            && [UInt8(ascii: "x"), UInt8(ascii: "X")].contains(label.dropFirst().first)
        return digits || hexadecimal
    }

    private static func refusal(_ what: String) -> ReactorError {
        ReactorError(.invalidArgument, "look up \(what)")
    }
}
