// A child process of this same program: a server under load, or one measurement on its own.

import CBaseline
import Foundation

/// A running child, its questions and answers on pipes. It ends when this process does.
final class Child {
    let process: pid_t
    private let input: Int32
    private let output: Int32
    private var buffer: [UInt8] = []
    private var isRunning = true

    /// Starts this program with `arguments`.
    convenience init(_ arguments: [String]) throws {
        try self.init(words: [Child.ownPath()] + arguments, isQuiet: false)
    }

    /// Starts another program, silenced on standard error.
    static func program(_ words: [String]) throws -> Child {
        try Child(words: words, isQuiet: true)
    }

    private init(words: [String], isQuiet: Bool) throws {
        var pointers = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process: pid_t = 0
        var ends: (input: Int32, output: Int32) = (-1, -1)
        let failure = cbaseline_spawn(
            words[0], &pointers, isQuiet, &process, &ends.input, &ends.output)
        guard failure == 0 else {
            throw Failure("cannot start \(words[0]): \(String(cString: strerror(failure)))")
        }
        self.process = process
        (input, output) = ends
    }

    static func ownPath() throws -> String {
        var path = [CChar](repeating: 0, count: 4096)
        guard cbaseline_own_path(&path, path.count) else { throw Failure("no path of my own") }
        return path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { stop() }

    /// The next line that it prints, within `seconds`.
    func line(within seconds: Double) throws -> String {
        let deadline = cbaseline_now() + Int64(seconds * 1e9)
        while true {
            if let end = buffer.firstIndex(of: 10) {
                defer { buffer.removeSubrange(...end) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            var request = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            let left = (deadline - cbaseline_now()) / 1_000_000
            guard left > 0, poll(&request, 1, Int32(left)) >= 0 else {
                throw Failure("a child was silent for \(Int(seconds)) s")
            }
            guard request.revents != 0 else { continue }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &bytes, bytes.count)
            guard count > 0 else { throw Failure("a child ended early") }
            buffer += bytes[..<count]
        }
    }

    func ask() throws -> String {
        guard write(input, "?", 1) == 1 else { throw Failure("a child does not listen") }
        return try line(within: 5)
    }

    var cpu: CPU { CPU(of: process) }

    var privateMemory: Double { Double(cbaseline_private_memory(process)) }

    /// Heap allocations so far; nil where they are not counted.
    func allocations() throws -> Int? {
        let count = try Int(ask().split(separator: " ").last ?? "") ?? -1
        return count < 0 ? nil : count
    }

    /// SIGTERM, and SIGKILL for one that stays longer than `patience`. Returns the wait status.
    @discardableResult
    func stop(patience: Double = 5) -> Int32 {
        if isRunning { kill(process, SIGTERM) }
        return waitUntilExit(patience: patience)
    }

    /// Waits for its end for as long as `patience`, then kills it. Returns the wait status.
    @discardableResult
    func waitUntilExit(patience: Double = 30) -> Int32 {
        guard isRunning else { return -1 }
        isRunning = false
        var status: Int32 = 0
        let deadline = cbaseline_now() + Int64(patience * 1e9)
        while waitpid(process, &status, WNOHANG) == 0 {
            if cbaseline_now() > deadline { kill(process, SIGKILL) }
            usleep(1000)
        }
        close(input)
        close(output)
        return status
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
