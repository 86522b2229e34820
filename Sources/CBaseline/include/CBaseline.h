// What the benchmark has in C: the baselines on raw libuv, the load, and a look at processes.
#ifndef CBASELINE_H
#define CBASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

// MARK: The baselines

/// An echo server on one libuv loop: `uv_read_start`, `uv_try_write`, and `uv_write` behind it for
/// what the kernel did not take. Calls `ready` with the port, then runs until the process ends.
/// Returns only on failure, with libuv's code.
int cbaseline_echo(uint16_t port, void (*ready)(uint16_t port));

/// The same over Unix sockets at `path`, with `uv_pipe_t`.
int cbaseline_echo_unix(const char *path, void (*ready)(uint16_t unused));

/// UDP echo on one libuv loop: `uv_udp_recv_start`, `uv_udp_try_send`, and `uv_udp_send` behind it.
/// As `cbaseline_echo` otherwise.
int cbaseline_udp_echo(uint16_t port, void (*ready)(uint16_t port));

/// The same on epoll, `recvmmsg` and `sendmmsg` alone, 64 datagrams at a time.
int cbaseline_udp_mmsg_echo(uint16_t port, void (*ready)(uint16_t port));

/// Time taken by a run, in nanoseconds.
typedef struct {
    int64_t wall;
    int64_t cpu;
    int64_t started;
} cbaseline_time;

/// Starts `count` libuv timers of an hour and stops them again.
cbaseline_time cbaseline_timers_cancel(int64_t count);

/// Starts `count` libuv timers that fire spread over `spread_ms`, the first one `lead_ms` after the
/// call. `started` is when the last one had been started, `wall` when the last one had fired.
cbaseline_time cbaseline_timers_fire(int64_t count, int64_t lead_ms, int64_t spread_ms);

/// Sends `count` messages from one libuv loop to another, each in its own thread, and waits for
/// their answers, `in_flight` at a time: a queue under a mutex and `uv_async_send` either way.
cbaseline_time cbaseline_submit(int64_t count, int in_flight, int first_core, int second_core);

/// Looks `host` up `count` times with `uv_getaddrinfo`, `in_flight` at a time. Wall time is below 0
/// where one fails.
cbaseline_time cbaseline_dns(const char *host, int64_t count, int64_t in_flight);

/// The same with `getaddrinfo` alone, one call after the other.
cbaseline_time cbaseline_getaddrinfo(const char *host, int64_t count);

// MARK: The load

typedef struct cbaseline_load cbaseline_load;

/// Opens `connections` TCP connections to a loopback port; NULL on failure, with errno.
cbaseline_load *_Nullable cbaseline_load_open(uint16_t port, int connections, size_t size);

/// The same to a Unix socket.
cbaseline_load *_Nullable cbaseline_load_open_unix(
    const char *path, int connections, size_t size);

/// Echoes in a closed loop on every connection: each sends `size` bytes, waits until they are
/// back, checks them, and begins again. With `each` > 0 every connection makes exactly as many
/// requests; else they go on for `seconds`. In both cases all replies are in when it returns.
/// Latencies, in nanoseconds, go to `latencies` as far as `capacity` goes.
/// Returns the number of requests, or -1 with errno: EPROTO for wrong bytes, ETIMEDOUT for a
/// server that sends nothing for five seconds.
int64_t cbaseline_load_run(
    cbaseline_load *load, int64_t each, double seconds, uint32_t *_Nullable latencies,
    size_t capacity);

void cbaseline_load_close(cbaseline_load *load);

/// Connects, echoes once and closes, `in_flight` connections at a time, for `seconds`.
/// Returns and records as `cbaseline_load_run` does.
int64_t cbaseline_churn(
    uint16_t port, int in_flight, size_t size, double seconds, uint32_t *_Nullable latencies,
    size_t capacity);

typedef struct cbaseline_udp_load cbaseline_udp_load;

/// Opens UDP sockets to a loopback port, with `in_flight` datagrams of `size` bytes among them;
/// NULL on failure, with errno.
cbaseline_udp_load *_Nullable cbaseline_udp_load_open(
    uint16_t port, int sockets, int in_flight, size_t size);

/// Keeps `in_flight` datagrams on their way, each sent again when its answer is back and right, for
/// `seconds`, or until `total` answers have come if that is above 0. One that is not back after
/// 100 ms is sent again, and added to `lost`. Returns and records as `cbaseline_load_run` does.
int64_t cbaseline_udp_load_run(
    cbaseline_udp_load *load, int64_t total, double seconds, uint32_t *_Nullable latencies,
    size_t capacity, int64_t *lost);

void cbaseline_udp_load_close(cbaseline_udp_load *load);

// MARK: One stream of many bytes

/// A thread on `core` (any if negative) that connects to `port` and sends so many bytes.
bool cbaseline_flood(uint16_t port, int64_t bytes, int core);
/// A thread that accepts one connection and reads it to its end; the port, or 0.
uint16_t cbaseline_swallow(int core);
/// Nanoseconds of CPU of the calling thread.
int64_t cbaseline_thread_cpu(void);
/// The time for libuv, as its users write it, to read `bytes` of one connection; zero if it failed.
cbaseline_time cbaseline_bulk(int64_t bytes, int core);

// MARK: Children

/// Starts /bin/true `count` times and waits for it, `at_once` at a time: posix_spawn and waitpid on
/// one thread, the same on `at_once` threads, and uv_spawn. Wall time is below 0 where it fails.
cbaseline_time cbaseline_spawn_posix(int64_t count, int64_t at_once);
cbaseline_time cbaseline_spawn_threads(int64_t count, int64_t at_once);
cbaseline_time cbaseline_spawn_uv(int64_t count, int64_t at_once);

/// Starts `alive + exits` children of a libuv loop; the time is that of killing `exits` of them,
/// one after the other, and of hearing of each end.
cbaseline_time cbaseline_exits(
    char *_Nullable *_Nonnull arguments, int64_t alive, int64_t exits);

/// Starts a program and reads `bytes` from its standard output, 64 KiB at a time.
cbaseline_time cbaseline_pipe(
    const char *path, char *_Nullable const *_Nonnull arguments, int64_t bytes);

/// How late, in nanoseconds, each millisecond was told by a timer of a libuv loop while it started
/// `count` children, `at_once` at a time. The number of samples; zero if it failed.
size_t cbaseline_lateness(int64_t count, int64_t at_once, int64_t *samples, size_t capacity);

// MARK: Processes

/// Starts a program with its standard input and output on pipes and its standard error on
/// /dev/null if `is_quiet`. Returns 0, or an errno.
int cbaseline_spawn(
    const char *path, char *_Nullable const *_Nonnull arguments, bool is_quiet,
    pid_t *process, int *input, int *output);

/// The path of this program, or false.
bool cbaseline_own_path(char *buffer, size_t size);

/// Confines the calling thread, and those it starts, to one core. False where that cannot be.
bool cbaseline_pin(int core);
/// Lifts that again: to what the process could use when it first asked.
void cbaseline_unpin(void);
/// The number of cores this process may use, and the `index`th of them.
int cbaseline_core_count(void);
int cbaseline_core(int index);

/// CPU used so far by a process: exact in sum, split by the kernel's ticks.
typedef struct {
    int64_t total;
    int64_t user_ticks;
    int64_t system_ticks;
} cbaseline_cpu;
bool cbaseline_cpu_of(pid_t process, cbaseline_cpu *cpu);

/// Memory that is the process's own, in bytes, or -1.
int64_t cbaseline_private_memory(pid_t process);

/// Nanoseconds of CLOCK_MONOTONIC, and of CPU of this process.
int64_t cbaseline_now(void);
int64_t cbaseline_own_cpu(void);

/// Raises the limit on descriptors as far as it goes and returns it.
int cbaseline_raise_descriptor_limit(void);

// MARK: A server under control

/// From now on SIGTERM ends the process with status 0, at once and from any thread.
void cbaseline_end_on_sigterm(void);

/// Starts a thread that answers, on standard output, each byte that comes in on standard input
/// with a line "allocations N", and ends the process when standard input ends.
void cbaseline_answer_questions(void);

/// Heap allocations so far in this process, by all threads; -1 where they are not counted.
int64_t cbaseline_allocations(void);

/// Lets the allocator give the kernel what it has free, where it can be told to.
void cbaseline_give_back(void);

#pragma clang assume_nonnull end

#endif
