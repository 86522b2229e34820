// Who may use whom among the library's folders, and who does.

/// By the names of types: a file that names a type of a folder uses that folder.
enum Layers {
    struct Use {
        let file: SourceFile
        let line: Int
        let type: String
        let folder: String
    }

    /// A folder uses itself and what stands lower; `Errors` is for all.
    private static let levels = [
        "UV": 0, "System": 0, "Loop": 1, "Time": 2,
        // Files given as standard streams are read on the blocking pool.
        "Tasks": 3, "Stream": 4, "Signal": 4,
        "Net": 5, "Process": 5,
        // It looks at all the others.
        "Inspect": 6,
    ]

    /// What a layer below may name of one above: values that it fills in or carries, no more.
    private static let exceptions: [String: Set<String>] = [
        // The thread-local holds a loop as an opaque pointer.
        "EventLoop": ["System/CurrentLoop.swift"],
        // The system's `sockaddr` is translated where its types are known; streams name their peer.
        "SocketAddress": ["System", "Stream"],
        "TCPInformation": ["System"],
    ]

    static func upwardUses() -> [Use] {
        let homes = typeHomes()
        return SourceTree.library.flatMap { file in
            file.code.enumerated().flatMap { index, line in
                SourceFile.words(of: line).compactMap { word -> Use? in
                    guard word.first?.isUppercase == true, let home = homes[String(word)],
                        !mayUse(file, home, type: String(word))
                    else { return nil }
                    return Use(file: file, line: index + 1, type: String(word), folder: home)
                }
            }
        }
    }

    private static func mayUse(_ file: SourceFile, _ home: String, type: String) -> Bool {
        if home == file.folder || home == "Errors" { return true }
        if let places = exceptions[type],
            places.contains(file.folder) || places.contains("\(file.folder)/\(file.name)")
        {
            return true
        }
        guard let own = levels[file.folder], let other = levels[home] else { return false }
        return other < own || own == 0 && other == 0
    }

    /// The folder of each type declared at the top of a file. A name declared in two folders, as
    /// private types may be, says nothing.
    private static func typeHomes() -> [String: String] {
        var homes: [String: Set<String>] = [:]
        for file in SourceTree.library {
            for line in file.code where !line.hasPrefix(" ") {
                let words = SourceFile.words(of: line)
                guard
                    let keyword = words.firstIndex(where: { Declaration.typeKeywords.contains($0) }
                    ),
                    words.count > keyword + 1
                else { continue }
                homes[String(words[keyword + 1]), default: []].insert(file.folder)
            }
        }
        return homes.compactMapValues { $0.count == 1 ? $0.first : nil }
    }
}
