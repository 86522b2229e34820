// The calls themselves: count, fail if asked to, else pass on to the C library.

#if defined(__linux__)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/epoll.h>
#endif
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "CFaults.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

struct rhythm {
    atomic_int error;
    atomic_long every, counted;
};

static struct {
    atomic_long count;
    atomic_int error;
    atomic_long left;
    struct rhythm rhythms[2];
} calls[FAULTS_CALLS];

static atomic_size_t byte_limit;
static atomic_int segmented_error;
static atomic_long segmented_count;

void faults_fail_segmented(int error) { segmented_error = error; }

long faults_segmented_count(void) { return segmented_count; }

void faults_fail(enum faults_call call, int error, long times) {
    calls[call].error = error;
    calls[call].left = times;
}

static void set(struct rhythm *rhythm, int error, long n) {
    rhythm->error = error;
    rhythm->counted = 0;
    rhythm->every = n;
}

void faults_fail_every(enum faults_call call, int error, long n) {
    set(&calls[call].rhythms[0], error, n);
}

void faults_fail_every_second_kind(enum faults_call call, int error, long n) {
    set(&calls[call].rhythms[1], error, n);
}

void faults_limit_bytes(size_t count) { byte_limit = count; }

long faults_count(enum faults_call call) { return calls[call].count; }

#if defined(__linux__)

/// True if this call is to fail; `errno` says why.
static bool fails(enum faults_call call) {
    calls[call].count++;
    long left = calls[call].left;
    while (left > 0) {
        if (atomic_compare_exchange_weak(&calls[call].left, &left, left - 1)) {
            errno = calls[call].error;
            return true;
        }
    }
    for (int which = 0; which < 2; which++) {
        struct rhythm *rhythm = &calls[call].rhythms[which];
        long every = rhythm->every;
        if (every > 0 && ++rhythm->counted % every == 0) {
            errno = rhythm->error;
            return true;
        }
    }
    return false;
}

static size_t limited(size_t count) {
    size_t limit = byte_limit;
    return limit > 0 && count > limit ? limit : count;
}

// Sanitizers have definitions of their own, to be passed through where they are.
#define NEXT(result, name, ...)                                            \
    extern __attribute__((weak)) result __interceptor_##name(__VA_ARGS__); \
    typedef result (*name##_call)(__VA_ARGS__);                            \
    static name##_call next_##name(void) {                                 \
        static _Atomic(name##_call) found;                                 \
        name##_call call = found;                                          \
        if (call) return call;                                             \
        call = __interceptor_##name;                                       \
        if (!call) call = (name##_call)dlsym(RTLD_NEXT, #name);            \
        found = call;                                                      \
        return call;                                                       \
    }

NEXT(ssize_t, recv, int, void *, size_t, int)
NEXT(ssize_t, send, int, const void *, size_t, int)
NEXT(ssize_t, sendmsg, int, const struct msghdr *, int)
NEXT(ssize_t, sendto, int, const void *, size_t, int, __CONST_SOCKADDR_ARG, socklen_t)
NEXT(int, sendmmsg, int, struct mmsghdr *, unsigned, int)
NEXT(int, recvmmsg, int, struct mmsghdr *, unsigned, int, struct timespec *)
NEXT(int, accept4, int, __SOCKADDR_ARG, socklen_t *, int)
NEXT(int, connect, int, __CONST_SOCKADDR_ARG, socklen_t)
NEXT(int, getsockopt, int, int, int, void *, socklen_t *)
NEXT(int, epoll_ctl, int, int, int, struct epoll_event *)

ssize_t recv(int socket, void *bytes, size_t count, int flags) {
    if (fails(FAULTS_RECV)) return -1;
    return next_recv()(socket, bytes, limited(count), flags);
}

ssize_t send(int socket, const void *bytes, size_t count, int flags) {
    if (fails(FAULTS_SEND)) return -1;
    return next_send()(socket, bytes, limited(count), flags);
}

/// True if this message is to be cut up and that is to fail.
static bool fails_segmented(const struct msghdr *message) {
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    if (!control || control->cmsg_level != SOL_UDP || control->cmsg_type != UDP_SEGMENT)
        return false;
    segmented_count++;
    errno = segmented_error;
    return segmented_error != 0;
}

ssize_t sendto(
    int socket, const void *bytes, size_t count, int flags, __CONST_SOCKADDR_ARG to, socklen_t size
) {
    if (fails(FAULTS_SENDTO)) return -1;
    return next_sendto()(socket, bytes, count, flags, to, size);
}

int sendmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags) {
    if (fails(FAULTS_SENDMMSG)) return -1;
    for (unsigned i = 0; i < count; i++) {
        if (!fails_segmented(&messages[i].msg_hdr)) continue;
        // As the kernel does: what comes before it is sent, and the error forgotten.
        return i > 0 ? next_sendmmsg()(socket, messages, i, flags) : -1;
    }
    return next_sendmmsg()(socket, messages, count, flags);
}

int recvmmsg(
    int socket, struct mmsghdr *messages, unsigned count, int flags, struct timespec *limit
) {
    if (fails(FAULTS_RECVMMSG)) return -1;
    return next_recvmmsg()(socket, messages, count, flags, limit);
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags) {
    if (fails(FAULTS_SENDMSG) || fails_segmented(message)) return -1;
    if (byte_limit == 0 || message->msg_iovlen == 0) {
        return next_sendmsg()(socket, message, flags);
    }
    struct iovec first = message->msg_iov[0];
    first.iov_len = limited(first.iov_len);
    struct msghdr shortened = *message;
    shortened.msg_iov = &first;
    shortened.msg_iovlen = 1;
    return next_sendmsg()(socket, &shortened, flags);
}

int accept4(int socket, __SOCKADDR_ARG peer, socklen_t *size, int flags) {
    if (fails(FAULTS_ACCEPT)) return -1;
    return next_accept4()(socket, peer, size, flags);
}

int connect(int socket, __CONST_SOCKADDR_ARG peer, socklen_t size) {
    if (fails(FAULTS_CONNECT)) return -1;
    return next_connect()(socket, peer, size);
}

int getsockopt(int socket, int level, int name, void *value, socklen_t *size) {
    if (level == SOL_SOCKET && name == SO_ERROR && fails(FAULTS_GETSOCKOPT)) return -1;
    return next_getsockopt()(socket, level, name, value, size);
}

int epoll_ctl(int queue, int operation, int descriptor, struct epoll_event *event) {
    // Where it is only asked whether that would do: libuv aborts if it fails in earnest.
    bool asks = operation == EPOLL_CTL_ADD && event->data.fd == -1;
    if (asks && fails(FAULTS_EPOLL_ADD)) return -1;
    return next_epoll_ctl()(queue, operation, descriptor, event);
}

int faults_leave_network(void) { return unshare(CLONE_NEWNET); }

#else

int faults_leave_network(void) { return -1; }

#endif
