// A thread of our own: named, detached or joined.

internal import CReactor
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

enum Thread {
    /// Starts a detached thread; `body` is released when it ends.
    static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(ReactorError) {
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { unsafe pthread_attr_destroy(&attributes) }
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        // SAFETY: the retain above is balanced by the thread, or below if there is none.
        let status = unsafe pthread_create(&thread, &attributes, runThread, start.toOpaque())
        guard status == 0 else {
            unsafe start.release()
            throw ReactorError(.init(rawValue: -status), "start the thread \(name)")
        }
    }

    /// Of the calling thread, while it lives.
    static var identity: UInt {
        // SAFETY: the address is compared, not followed.
        unsafe UInt(bitPattern: reactor_thread())
    }

    /// How many of the machine's processors this process may use.
    static var processorCount: Int {
        max(1, Int(reactor_processor_count()))
    }

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
        func run() {
            // The kernel keeps 15 bytes.
            let short = String(decoding: name.utf8.prefix(15), as: UTF8.self)
            // SAFETY: the call reads a terminated string that lives through it.
            unsafe reactor_name_thread(short)
            body()
        }
    }

    fileprivate static func run(_ start: UnsafeMutableRawPointer) {
        // SAFETY: balances `passRetained` in `start`.
        unsafe Unmanaged<Start>.fromOpaque(start).takeRetainedValue().run()
    }
}

#if canImport(Darwin)
private func runThread(_ start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    // SAFETY: `start` passes its retained object, once.
    unsafe Thread.run(start)
    return nil
}
#else
private func runThread(_ start: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // SAFETY: `start` passes its retained object, once.
    unsafe Thread.run(start!)
    return nil
}
#endif
