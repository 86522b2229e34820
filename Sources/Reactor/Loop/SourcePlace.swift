// Where in the caller's source something was made.

/// A file and a line, as `#fileID` and `#line` tell them.
struct SourcePlace: Hashable, Sendable, CustomStringConvertible {
    let fileID: String
    let line: Int

    init(_ fileID: String, _ line: Int) {
        self.fileID = fileID
        self.line = line
    }

    var description: String { "\(fileID):\(line)" }
}

/// A place in two bytes, for objects of which there are many: a number in a table that all share.
struct PlaceID: Hashable, Sendable {
    private let number: UInt16

    static let unknown = PlaceID(number: 0)

    private init(number: UInt16) { self.number = number }

    private struct Table {
        var numbers: [SourcePlace: UInt16] = [:]
        var places: [SourcePlace] = []
    }

    private static let table = Locked(Table())

    /// A program has as many as it has calls in its source; more than the table has room for are
    /// unknown.
    init(_ fileID: String, _ line: Int) {
        let place = SourcePlace(fileID, line)
        number = Self.table.withLock { table in
            if let number = table.numbers[place] { return number }
            guard let number = UInt16(exactly: table.places.count + 1) else { return 0 }
            table.places.append(place)
            table.numbers[place] = number
            return number
        }
    }

    /// `nil` for an unknown one.
    var place: SourcePlace? {
        number == 0 ? nil : Self.table.withLock { $0.places[Int(number) - 1] }
    }
}
