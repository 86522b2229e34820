// The directory that is served: what a request's path leads to, and never outside.

import Foundation
import SystemPackage

struct Site: Sendable {
    /// Real, without links: what every file's real path must begin with.
    let root: String

    init(root: String) throws {
        self.root = URL(filePath: root).resolvingSymlinksInPath().path
        guard (try? Stat(FilePath(self.root)).type) == .directory else {
            throw CocoaError(.fileReadNoSuchFile, userInfo: [NSFilePathErrorKey: root])
        }
    }

    /// What there is for a request; blocks.
    func answer(_ request: Request) throws -> Response {
        let file = try open(request.path)
        var isHandedOver = false
        defer { if !isHandedOver { try? file.close() } }
        let status = try file.stat()
        switch status.type {
        case .regular:
            guard !request.endsWithSlash else { throw Refusal(.notFound) }
            isHandedOver = true
            return try whole(file, status, request.path.last ?? "", request)
        case .directory:
            guard request.endsWithSlash else {
                let target = "/" + request.path.map(Self.encoded).joined(separator: "/") + "/"
                throw Refusal(.moved, [("Location", target)])
            }
            if let index = try? open(request.path + ["index.html"]) {
                if let status = try? index.stat(), status.type == .regular {
                    return try whole(index, status, "index.html", request)
                }
                try? index.close()
            }
            return try listing(request.path)
        default: throw Refusal(.notFound)
        }
    }

    /// Opened first, looked at then: whatever links lead to, and however they change meanwhile, it
    /// is the file at hand whose real path counts. Opening waits for nobody, and changes nothing.
    private func open(_ path: [String]) throws -> FileDescriptor {
        guard path.allSatisfy({ !$0.hasPrefix(".") || $0 == ".well-known" }) else {
            throw Refusal(.notFound)
        }
        let name = ([root == "/" ? "" : root] + path).joined(separator: "/")
        guard
            let file = try? FileDescriptor.open(
                FilePath(name.isEmpty ? "/" : name), .readOnly,
                options: [.nonBlocking, .closeOnExec])
        else { throw Refusal(.notFound) }
        let real = try? FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/self/fd/\(file.rawValue)")
        guard let real, real == root || real.hasPrefix(root == "/" ? "/" : root + "/") else {
            try? file.close()
            throw Refusal(.notFound)
        }
        return file
    }

    /// A file, or the range of it that was asked for. The descriptor is the response's.
    private func whole(
        _ file: FileDescriptor, _ status: Stat, _ name: String, _ request: Request
    ) throws -> Response {
        do {
            let tag = "\"\(status.size)-\(status.st_mtim.tv_sec)-\(status.st_mtim.tv_nsec)\""
            if request["if-none-match"].map({ $0 == "*" || $0.contains(tag) }) == true {
                throw Refusal(.notModified, [("ETag", tag)])
            }
            var headers = [
                ("Content-Type", Self.type(of: name)), ("ETag", tag), ("Accept-Ranges", "bytes"),
            ]
            let size = Int(status.size)
            guard let text = request["range"], request["if-range"] ?? tag == tag,
                let range = try Self.range(text, of: size)
            else { return Response("200 OK", headers, .file(file, 0..<size)) }
            headers.append(
                ("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"))
            return Response("206 Partial Content", headers, .file(file, range))
        } catch {
            try? file.close()
            throw error
        }
    }

    /// `nil` for what is no single range of bytes: it is then as if nobody had asked for one.
    private static func range(_ text: String, of size: Int) throws -> Range<Int>? {
        guard text.hasPrefix("bytes=") else { return nil }
        let bounds = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2, bounds.allSatisfy({ $0.allSatisfy(\.isWholeNumber) }) else {
            return nil
        }
        let unsatisfiable = Refusal(.notSatisfiable, [("Content-Range", "bytes */\(size)")])
        guard let first = Int(bounds[0]) else {
            guard bounds[0].isEmpty, let count = Int(bounds[1]) else { return nil }
            guard count > 0, size > 0 else { throw unsatisfiable }
            return max(0, size - count)..<size
        }
        guard let last = bounds[1].isEmpty ? .max : Int(bounds[1]), last >= first else {
            return nil
        }
        guard first < size else { throw unsatisfiable }
        return first..<min(last, size - 1) + 1
    }

    private func listing(_ path: [String]) throws -> Response {
        let directory = ([root] + path).joined(separator: "/")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            .filter { !$0.hasPrefix(".") }.sorted()
        let lines = names.map { name in
            let type = try? Stat(FilePath("\(directory)/\(name)")).type
            let slash = type == .directory ? "/" : ""
            return
                "<li><a href=\"./\(Self.encoded(name))\(slash)\">\(Self.escaped(name))\(slash)</a>"
        }
        let title = Self.escaped("/" + path.joined(separator: "/"))
        let page =
            "<!doctype html><meta charset=utf-8><title>\(title)</title>\n<h1>\(title)</h1>\n<ul>\n"
            + lines.joined(separator: "\n") + "\n</ul>\n"
        return Response(
            "200 OK", [("Content-Type", "text/html; charset=utf-8")], .bytes(Array(page.utf8)))
    }

    private static func encoded(_ name: String) -> String {
        let plain = CharacterSet(charactersIn: "-._~").union(
            CharacterSet(charactersIn: "a"..."z")
                .union(CharacterSet(charactersIn: "A"..."Z"))
                .union(CharacterSet(charactersIn: "0"..."9")))
        return name.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }

    private static func type(of name: String) -> String {
        let types = [
            "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8",
            "txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8",
            "css": "text/css; charset=utf-8", "csv": "text/csv; charset=utf-8",
            "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
            "json": "application/json", "xml": "application/xml", "wasm": "application/wasm",
            "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip",
            "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg",
            "gif": "image/gif", "webp": "image/webp", "avif": "image/avif", "ico": "image/x-icon",
            "mp4": "video/mp4", "webm": "video/webm", "mp3": "audio/mpeg", "ogg": "audio/ogg",
            "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf",
        ]
        let ending = name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last
        return types[ending?.lowercased() ?? ""] ?? "application/octet-stream"
    }
}
