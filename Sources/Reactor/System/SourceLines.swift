// From addresses in the program to functions and lines, by its debug information.

#if Backtraces && canImport(Runtime)
internal import Runtime
#endif

/// One function of a task that waits.
struct SourceFrame: Hashable, Sendable, CustomStringConvertible {
    /// `handle(_:)`.
    let function: String
    /// `App/Server.swift:12`, as `#fileID` and `#line` tell it.
    let place: String

    var description: String { "\(function) at \(place)" }
}

/// What the debug information says, looked up once for each address.
///
/// The first look reads the program's file, which may take a second: not on a loop's thread.
/// Without the package trait `Backtraces`, or in a program without debug information, nothing is
/// found.
enum SourceLines {
    #if Backtraces && canImport(Runtime)
    private static let known = Locked<[UInt: [SourceFrame]]>([:])

    /// The functions of a chain that are neither this library's nor the runtime's, the innermost
    /// first.
    static func frames(of chain: CallChain) -> [SourceFrame] {
        known.withLock { known in
            // Once each: a recursive function is in the chain as often as it was called.
            let unknown = Set(chain.addresses.filter { known[$0] == nil })
            if !unknown.isEmpty { known.merge(look(up: Array(unknown))) { $1 } }
            return chain.addresses.flatMap { known[$0] ?? [] }
        }
    }

    private static func look(up addresses: [UInt]) -> [UInt: [SourceFrame]] {
        var found: [UInt: [SourceFrame]] = [:]
        var unplaced: [UInt] = []
        each(of: addresses) { address, symbol, location in
            if location.line > 0 {
                found[address, default: []].append(frame(symbol, location))
            } else {
                unplaced.append(address)
            }
        }
        for address in unplaced { found[address] = nearby(address).map { [$0] } }
        return found.merging(addresses.map { ($0, []) }) { known, _ in known }
    }

    /// Where a `for await` loop goes on is code that has no line of its own: the next that has one
    /// is meant, in the same function.
    private static func nearby(_ address: UInt) -> SourceFrame? {
        var (function, nearest): (String?, SourceFrame?)
        each(of: (0..<64).map { address + 8 * $0 }) { _, symbol, location in
            if function == nil { function = symbol.rawName }
            if nearest == nil, location.line > 0, symbol.rawName == function {
                nearest = frame(symbol, location)
            }
        }
        return nearest
    }

    private static func frame(
        _ symbol: SymbolicatedBacktrace.Symbol, _ location: SymbolicatedBacktrace.SourceLocation
    ) -> SourceFrame {
        // What stands at the top level of a file is in nothing that has a name.
        let name = symbol.name.hasSuffix(" in ") ? String(symbol.name.dropLast(4)) : symbol.name
        return SourceFrame(
            function: name, place: "\(fileID(location.path)):\(location.line)")
    }

    /// Those of the addresses that are in somebody's Swift code, but not in this library's.
    private static func each(
        of addresses: [UInt],
        _ visit: (
            UInt, SymbolicatedBacktrace.Symbol, SymbolicatedBacktrace.SourceLocation
        ) -> Void
    ) {
        guard let trace = try? Backtrace(from: CompactTrace(addresses)).symbolicated() else {
            return
        }
        for frame in trace.frames where !frame.isSwiftThunk {
            guard let symbol = frame.symbol, let location = symbol.sourceLocation,
                let address = UInt(frame.captured.originalProgramCounter),
                location.path.hasSuffix(".swift"), !isOurs(location.path)
            else { continue }
            visit(address, symbol, location)
        }
    }

    /// The folder that this library was compiled in.
    private static let ownFolder = #filePath.split(separator: "/").dropLast(2)

    private static func isOurs(_ path: String) -> Bool {
        path.split(separator: "/").starts(with: ownFolder)
    }

    /// The module and the file: a module's folder stands in `Sources` or its like, elsewhere the
    /// file's own folder is taken for it.
    private static func fileID(_ path: String) -> String {
        let parts = path.split(separator: "/")
        guard let file = parts.last else { return path }
        let folders = parts.dropLast()
        let above = folders.lastIndex { ["Sources", "Tests", "Examples", "Fixtures"].contains($0) }
        let module = above.flatMap { $0 + 1 < folders.endIndex ? folders[$0 + 1] : nil }
        return "\(module ?? folders.last ?? "")/\(file)"
    }
    #else
    static func frames(of chain: CallChain) -> [SourceFrame] { [] }
    #endif
}
