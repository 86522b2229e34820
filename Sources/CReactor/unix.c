// Unix sockets: descriptors that travel with bytes, and who is at the other end.

#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/un.h>
#endif

#include "CReactor.h"

/// Aligned as `cmsghdr` wants it.
typedef union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(REACTOR_MOST_DESCRIPTORS * sizeof(int))];
} control;

#if defined(__linux__)

#define SENDING MSG_NOSIGNAL
#define RECEIVING MSG_CMSG_CLOEXEC

int reactor_stream_pair(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
}

int reactor_peer_credentials(int socket, int *process, unsigned *user, unsigned *group) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -1;
    *process = peer.pid;
    *user = peer.uid;
    *group = peer.gid;
    return 0;
}

int reactor_socket_domain(int socket) {
    int domain = -1;
    socklen_t size = sizeof domain;
    return getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ? -1 : domain;
}

#else

#define SENDING 0
#define RECEIVING 0

int reactor_stream_pair(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return -1;
    for (int end = 0; end < 2; end++) {
        int on = 1;
        fcntl(ends[end], F_SETFD, FD_CLOEXEC);
        fcntl(ends[end], F_SETFL, O_NONBLOCK);
        setsockopt(ends[end], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    }
    return 0;
}

int reactor_peer_credentials(int socket, int *process, unsigned *user, unsigned *group) {
    uid_t uid;
    gid_t gid;
    if (getpeereid(socket, &uid, &gid) < 0) return -1;
    pid_t pid = 0;
    socklen_t size = sizeof pid;
    if (getsockopt(socket, SOL_LOCAL, LOCAL_PEERPID, &pid, &size) < 0) pid = 0;
    *process = pid;
    *user = uid;
    *group = gid;
    return 0;
}

int reactor_socket_domain(int socket) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(socket, (struct sockaddr *)&address, &size) < 0) return -1;
    return address.ss_family;
}

#endif

ssize_t reactor_send_descriptors(
    int socket, const struct iovec *parts, int count, const int *descriptors, int number
) {
    if (number < 0 || number > REACTOR_MOST_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    control control;
    memset(&control, 0, sizeof control);
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = (struct iovec *)parts;
    message.msg_iovlen = count;
    if (number > 0) {
        size_t size = (size_t)number * sizeof(int);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(header), descriptors, size);
    }
    return sendmsg(socket, &message, SENDING);
}

ssize_t reactor_receive_descriptors(
    int socket, void *bytes, size_t count, int *descriptors, int *number, bool *is_cut
) {
    control control;
    struct iovec part = {.iov_base = bytes, .iov_len = count};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    *number = 0;
    ssize_t received = recvmsg(socket, &message, RECEIVING);
    if (received < 0) return received;
    *is_cut = (message.msg_flags & MSG_CTRUNC) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t size = header->cmsg_len - CMSG_LEN(0);
        for (size_t i = 0; i < size / sizeof(int); i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
#if !defined(__linux__)
            fcntl(descriptor, F_SETFD, FD_CLOEXEC);
#endif
            if (*number < REACTOR_MOST_DESCRIPTORS) {
                descriptors[(*number)++] = descriptor;
            } else {
                close(descriptor);
                *is_cut = true;
            }
        }
    }
    return received;
}
