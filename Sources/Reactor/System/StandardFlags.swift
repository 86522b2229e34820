// The flags of the process's own standard streams, put back when the streams close or it exits.

internal import CReactor

/// O_NONBLOCK belongs to the open file, which a shell and other programs share: whoever sets it on
/// a standard stream has to take it back.
enum StandardFlags {
    /// Notes whether `descriptor`, one of 0 to 2, blocks now; put back at exit at the latest.
    static func keep(_ descriptor: Descriptor) { reactor_keep_flags(descriptor.number) }

    /// Puts back what was noted.
    static func restore(_ descriptor: Descriptor) { reactor_restore_flags(descriptor.number) }
}
