// Moving bytes between descriptors inside the kernel, and what the kernel knows of a connection.

#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/sendfile.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "CReactor.h"

ssize_t reactor_read_at(int file, void *bytes, size_t count, int64_t offset) {
    return pread(file, bytes, count, (off_t)offset);
}

#if defined(__linux__)

ssize_t reactor_send_file(int socket, int file, int64_t offset, size_t count) {
    off_t position = (off_t)offset;
    ssize_t sent = sendfile(socket, file, &position, count);
    if (sent < 0 && errno == EPIPE) reactor_take_sigpipe();
    return sent;
}

ssize_t reactor_splice(int from, int to, size_t count) {
    ssize_t moved = splice(from, NULL, to, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved < 0 && errno == EPIPE) reactor_take_sigpipe();
    return moved;
}

static bool is_page_cached(int file, int64_t offset) {
    char byte;
    struct iovec part = {&byte, 1};
    return preadv2(file, &part, 1, (off_t)offset, RWF_NOWAIT) >= 0;
}

bool reactor_is_cached(int file, int64_t offset, size_t count) {
    return is_page_cached(file, offset) && is_page_cached(file, offset + (int64_t)count - 1);
}

int reactor_set_pipe_size(int end, int bytes) { return fcntl(end, F_SETPIPE_SZ, bytes); }

int reactor_tcp_state(int socket, struct reactor_tcp_state *state) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return -1;
    *state = (struct reactor_tcp_state){
        .state = info.tcpi_state,
        .round_trip = info.tcpi_rtt,
        .round_trip_variation = info.tcpi_rttvar,
        .congestion_window = info.tcpi_snd_cwnd,
        .segment_bytes = info.tcpi_snd_mss,
        .unacknowledged = info.tcpi_unacked,
        .lost = info.tcpi_lost,
        .retransmissions = info.tcpi_total_retrans,
        .since_sent = info.tcpi_last_data_sent,
        .since_received = info.tcpi_last_data_recv};
    return 0;
}

#else

static int unsupported(void) {
    errno = ENOSYS;
    return -1;
}

ssize_t reactor_send_file(int socket, int file, int64_t offset, size_t count) {
    (void)socket, (void)file, (void)offset, (void)count;
    return unsupported();
}

ssize_t reactor_splice(int from, int to, size_t count) {
    (void)from, (void)to, (void)count;
    return unsupported();
}

bool reactor_is_cached(int file, int64_t offset, size_t count) {
    (void)file, (void)offset, (void)count;
    return false;
}

int reactor_set_pipe_size(int end, int bytes) {
    (void)end, (void)bytes;
    return unsupported();
}

int reactor_tcp_state(int socket, struct reactor_tcp_state *state) {
    (void)socket, (void)state;
    return unsupported();
}

#endif
