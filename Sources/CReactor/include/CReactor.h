// The little C that Swift cannot be: thread identity, a lock that the thread sanitizer
// understands, and symbols that may be absent.
#ifndef CREACTOR_H
#define CREACTOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "spawn.h"

#pragma clang assume_nonnull begin

/// The loop whose thread runs the caller, or NULL. Out of line on purpose: an inlined
/// thread-local address may be reused across a suspension that changed threads.
void *_Nullable reactor_current_loop(void);
void reactor_set_current_loop(void *_Nullable loop);

/// The task that runs the caller, or NULL: an address to compare. The Swift runtime's own entry
/// point, which `withUnsafeCurrentTask` reaches at ten times the cost.
const void *_Nullable reactor_current_task(void);

/// Of the calling thread: an address to compare. Out of line for the same reason.
const void *reactor_thread(void);

/// True on the thread that runs `main`.
bool reactor_is_main_thread(void);

/// The descriptor that becomes readable when Dispatch's main queue has work, or -1 where the
/// process has no Dispatch.
int reactor_main_queue_descriptor(void);
/// Runs what Dispatch's main queue holds. Main thread only.
void reactor_main_queue_drain(void);

/// Nanoseconds of CLOCK_MONOTONIC.
uint64_t reactor_now(void);

/// A condition variable on the monotonic clock, and a wait on it that ends at `deadline`.
void reactor_condition_init(pthread_cond_t *condition);
void reactor_condition_wait(
    pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline, uint64_t now);

/// Calls that a system has under another name, or only with _GNU_SOURCE. Each answers like the
/// call it stands for: -1 and errno.
int reactor_eventfd(void);
int reactor_pipe(int ends[_Nonnull 2]);
int reactor_stream_socket(int domain);
int reactor_accept(int listener, struct sockaddr *peer, socklen_t *size);
int reactor_close(int descriptor);
int reactor_processor_count(void);
void reactor_name_thread(const char *name);

/// `sendmsg` that reports a peer which has gone as EPIPE and never as a signal.
ssize_t reactor_send(int socket, const void *bytes, size_t count);
ssize_t reactor_send_vector(int socket, const struct iovec *parts, int count);

/// Blocks SIGPIPE on the calling thread, and undoes that.
void reactor_block_sigpipe(void);
void reactor_unblock_sigpipe(void);

/// `write` and `writev` whose EPIPE comes without its signal, on a thread that blocks SIGPIPE.
ssize_t reactor_write(int descriptor, const void *bytes, size_t count);
ssize_t reactor_write_vector(int descriptor, const struct iovec *parts, int count);

/// Catching signals. `prepare` comes first; `catch` remembers the disposition that `release` brings
/// back. Callers hold a lock of their own. Both answer zero or a negated errno.
int reactor_signals_prepare(void);
int reactor_signals_catch(int number);
void reactor_signals_release(int number);
/// What has come since the last call: bit n - 1 for signal n.
uint64_t reactor_signals_take(void);
/// Blocks the calling thread until something has come, or until `wake`.
void reactor_signals_wait(void);
void reactor_signals_wake(void);
/// Blocks every signal on the calling thread but these.
void reactor_signals_accept(uint64_t accepted);

/// Notes O_NONBLOCK of a standard stream, to be put back by the second call, or at exit.
void reactor_keep_flags(int descriptor);
void reactor_restore_flags(int descriptor);

/// A connected pair of Unix sockets, set up like `reactor_stream_socket`.
int reactor_stream_pair(int ends[_Nonnull 2]);
/// Who connected, or listened, when the connection was made. The process is 0 where it cannot be
/// known.
int reactor_peer_credentials(int socket, int *process, unsigned *user, unsigned *group);
/// The protocol family of a socket.
int reactor_socket_domain(int socket);

/// As many as the kernel takes in one message.
#define REACTOR_MOST_DESCRIPTORS 253

/// `sendmsg` and `recvmsg` with descriptors beside the bytes: `descriptors` has room for the most.
/// `is_cut` says that some were lost, for want of descriptors in this process as a rule.
ssize_t reactor_send_descriptors(
    int socket, const struct iovec *parts, int count, const int *descriptors, int number);
ssize_t reactor_receive_descriptors(
    int socket, void *bytes, size_t count, int *descriptors, int *number, bool *is_cut);

// MARK: Datagrams

/// An address in numbers: sixteen bytes as two words in the machine's order, IPv4 in the first
/// four. `family` is 4, 6, or 0 for none.
typedef struct {
    uint64_t high;
    uint64_t low;
    uint32_t scope;
    uint16_t port;
    uint8_t family;
} reactor_address;

/// One datagram that has come: `count` bytes of it are stored, more were sent if `is_truncated`.
typedef struct {
    reactor_address from;
    uint32_t count;
    bool is_truncated;
} reactor_arrival;

/// What a send came to: how many datagrams left; if none did, `failure` is an errno, and `members`
/// says how many datagrams it is about.
typedef struct {
    int sent;
    int failure;
    int members;
} reactor_sent;

/// A non-blocking datagram socket that children do not inherit.
int reactor_datagram_socket(int domain);

/// `sendto`: the count, or -1 and errno.
ssize_t reactor_send_datagram(
    int socket, const void *bytes, size_t count, reactor_address to);

/// Room for one call on many datagrams, in and out.
typedef struct reactor_datagrams reactor_datagrams;

enum { REACTOR_DATAGRAM_SLOTS = 64, REACTOR_DATAGRAM_ROOM = 65536 };

reactor_datagrams *reactor_datagrams_make(void);
void reactor_datagrams_free(reactor_datagrams *all);

/// What came last, one entry a datagram, and where its bytes are.
reactor_arrival *reactor_datagrams_arrivals(reactor_datagrams *all);
void *reactor_datagrams_slot(reactor_datagrams *all, int index);

/// Receives at most `want` datagrams by `recvmmsg`, or by `recvmsg` if `singly`; the first one into
/// memory of the caller's if it brings some. Their number, or a negated errno.
int reactor_datagrams_receive(
    reactor_datagrams *all, int socket, int want, void *_Nullable first, size_t room, bool singly);

/// Puts a datagram into the next send, with its bytes left where they are. False: it is full.
/// With `segmented` it shares a message with those before it where they have one size and go to one
/// address (UDP_SEGMENT).
bool reactor_datagrams_add(
    reactor_datagrams *all, const void *bytes, size_t count, reactor_address to, bool segmented);

/// Sends what was added, by `sendmmsg`, or by `sendmsg` if `singly`, and forgets it.
reactor_sent reactor_datagrams_send(reactor_datagrams *all, int socket, bool singly);

/// True if the kernel cuts large sends into datagrams by itself (UDP_SEGMENT).
bool reactor_can_segment(int socket);

/// How many datagrams the kernel dropped since the socket was made, or -1 where it does not tell.
int64_t reactor_datagram_drops(int socket);

/// Joins a multicast group on an interface, or leaves it; 0 lets the system choose one.
int reactor_multicast(int socket, reactor_address group, unsigned interface, bool joins);
/// The interface for multicasts that are sent.
int reactor_multicast_interface(int socket, bool is_ipv6, unsigned interface);

/// Takes the SIGPIPE that a failed call has left pending; `errno` is EPIPE afterwards.
void reactor_take_sigpipe(void);

/// `pread`, `sendfile` and `splice` without blocking on a socket or pipe: -1 and errno, ENOSYS
/// where the system has no such call.
ssize_t reactor_read_at(int file, void *bytes, size_t count, int64_t offset);
ssize_t reactor_send_file(int socket, int file, int64_t offset, size_t count);
ssize_t reactor_splice(int from, int to, size_t count);
/// True if the first and last of these bytes of a file can be read without waiting for a disk.
bool reactor_is_cached(int file, int64_t offset, size_t count);
int reactor_set_pipe_size(int end, int bytes);

/// What the kernel knows of a TCP connection; times in microseconds, the last two in milliseconds.
struct reactor_tcp_state {
    uint32_t state, round_trip, round_trip_variation, congestion_window, segment_bytes;
    uint32_t unacknowledged, lost, retransmissions, since_sent, since_received;
};
int reactor_tcp_state(int socket, struct reactor_tcp_state *state);

#pragma clang assume_nonnull end

#endif
