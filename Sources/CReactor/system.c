// System calls that differ between Linux and macOS, or that Swift's C modules do not show.

#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#include <sys/eventfd.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CReactor.h"

int reactor_close(int descriptor) { return close(descriptor); }

#if defined(__linux__)

int reactor_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int reactor_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); }

int reactor_stream_socket(int domain) {
    return socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int reactor_accept(int listener, struct sockaddr *peer, socklen_t *size) {
    return accept4(listener, peer, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int reactor_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

void reactor_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

#define QUIETLY MSG_NOSIGNAL

#else

static int prepare(int descriptor) {
    if (descriptor < 0) return descriptor;
    int on = 1;
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    return descriptor;
}

int reactor_eventfd(void) {
    errno = ENOSYS;
    return -1;
}

int reactor_pipe(int ends[2]) {
    if (pipe(ends) < 0) return -1;
    for (int end = 0; end < 2; end++) {
        fcntl(ends[end], F_SETFD, FD_CLOEXEC);
        fcntl(ends[end], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

int reactor_stream_socket(int domain) { return prepare(socket(domain, SOCK_STREAM, 0)); }
int reactor_accept(int listener, struct sockaddr *peer, socklen_t *size) {
    return prepare(accept(listener, peer, size));
}
int reactor_processor_count(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
void reactor_name_thread(const char *name) { pthread_setname_np(name); }

#define QUIETLY 0

#endif

ssize_t reactor_send(int socket, const void *bytes, size_t count) {
    return send(socket, bytes, count, QUIETLY);
}

ssize_t reactor_send_vector(int socket, const struct iovec *parts, int count) {
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = (struct iovec *)parts;
    message.msg_iovlen = count;
    return sendmsg(socket, &message, QUIETLY);
}
