// The UDP echo servers that Reactor is measured against: libuv as its users write it, and the
// system calls that take many datagrams.

#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "CBaseline.h"

static char landing[64 * 1024];

typedef struct {
    uv_udp_send_t request;
    char bytes[];
} pending_send;

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(landing, sizeof landing);
}

static void on_sent(uv_udp_send_t *request, int status) {
    (void)status;
    free(request);
}

static void on_received(
    uv_udp_t *socket, ssize_t count, const uv_buf_t *buffer, const struct sockaddr *from,
    unsigned flags
) {
    (void)flags;
    if (count < 0 || !from) return;
    uv_buf_t part = uv_buf_init(buffer->base, (unsigned)count);
    if (uv_udp_try_send(socket, &part, 1, from) >= 0) return;
    pending_send *send = malloc(sizeof *send + (size_t)count);
    memcpy(send->bytes, buffer->base, (size_t)count);
    part = uv_buf_init(send->bytes, (unsigned)count);
    if (uv_udp_send(&send->request, socket, &part, 1, from, on_sent) < 0) free(send);
}

int cbaseline_udp_echo(uint16_t port, void (*ready)(uint16_t port)) {
    uv_loop_t *loop = uv_default_loop();
    uv_udp_t socket;
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_udp_init(loop, &socket);
    int status = uv_udp_bind(&socket, (const struct sockaddr *)&address, 0);
    if (status == 0) status = uv_udp_recv_start(&socket, on_allocate, on_received);
    if (status < 0) return status;
    int size = sizeof address;
    uv_udp_getsockname(&socket, (struct sockaddr *)&address, &size);
    ready(ntohs(address.sin_port));
    return uv_run(loop, UV_RUN_DEFAULT);
}

#if defined(__linux__)

#include <sys/epoll.h>

enum { AT_ONCE = 64, ROOM = 2048 };

static struct mmsghdr messages[AT_ONCE];
static struct iovec parts[AT_ONCE];
static struct sockaddr_in names[AT_ONCE];
static char rooms[AT_ONCE][ROOM];

/// Echoes what is there. Returns the number of datagrams.
static int echo_many(int descriptor) {
    for (int i = 0; i < AT_ONCE; i++) {
        parts[i].iov_len = ROOM;
        messages[i].msg_hdr.msg_namelen = sizeof names[i];
    }
    int count = recvmmsg(descriptor, messages, AT_ONCE, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) parts[i].iov_len = messages[i].msg_len;
    for (int sent = 0; sent < count;) {
        int now = sendmmsg(descriptor, messages + sent, (unsigned)(count - sent), 0);
        // The datagram in the way is lost, as datagrams are.
        sent += now > 0 ? now : 1;
    }
    return count;
}

int cbaseline_udp_mmsg_echo(uint16_t port, void (*ready)(uint16_t port)) {
    for (int i = 0; i < AT_ONCE; i++) {
        parts[i].iov_base = rooms[i];
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &names[i];
    }
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, size) < 0) return -errno;
    getsockname(descriptor, (struct sockaddr *)&address, &size);
    int queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (queue < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event) < 0) return -errno;
    ready(ntohs(address.sin_port));
    while (true) {
        if (epoll_wait(queue, &event, 1, -1) < 0 && errno != EINTR) return -errno;
        while (echo_many(descriptor) == AT_ONCE) {
        }
    }
}

#else

int cbaseline_udp_mmsg_echo(uint16_t port, void (*ready)(uint16_t port)) {
    (void)port;
    (void)ready;
    return UV_ENOTSUP;
}

#endif
