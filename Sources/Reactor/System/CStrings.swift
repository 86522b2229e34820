// Swift strings as the arrays of pointers that `exec` takes.

enum CStrings {
    typealias Pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    /// Lends `strings`, which hold no NUL, as C strings in an array that ends with NULL.
    static func lend<Result>(
        _ strings: [String], _ body: (Pointers) -> Result
    ) -> Result {
        let size = strings.reduce(0) { $0 + $1.utf8.count + 1 }
        // SAFETY: both allocations live through `body`; every byte and pointer is set before.
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: max(1, size)) {
            bytes in
            unsafe withUnsafeTemporaryAllocation(
                of: UnsafeMutablePointer<CChar>?.self, capacity: strings.count + 1
            ) { pointers in
                var offset = 0
                for (index, string) in strings.enumerated() {
                    unsafe pointers.initializeElement(
                        at: index, to: bytes.baseAddress! + offset)
                    for byte in string.utf8 {
                        unsafe bytes[offset] = CChar(bitPattern: byte)
                        offset += 1
                    }
                    unsafe bytes[offset] = 0
                    offset += 1
                }
                unsafe pointers.initializeElement(at: strings.count, to: nil)
                return unsafe body(pointers.baseAddress!)
            }
        }
    }

    /// The same for one string that may be missing.
    static func lend<Result>(
        _ string: String?, _ body: (UnsafePointer<CChar>?) -> Result
    ) -> Result {
        // SAFETY: the string's bytes are lent for the call.
        guard let string else { return body(nil) }
        return unsafe string.withCString { unsafe body($0) }
    }
}
