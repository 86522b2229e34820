// Datagrams in numbers: many with one system call where there is one for that, else one by one.

#if defined(__linux__)
#define _GNU_SOURCE
#include <netinet/udp.h>
#endif
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "CReactor.h"

enum {
    SLOTS = REACTOR_DATAGRAM_SLOTS,
    ROOM = REACTOR_DATAGRAM_ROOM,
    // Slots a power of two apart would all fall into the same lines of the cache.
    STRIDE = ROOM + 192,
    PARTS = 256,
    // What the kernel takes in one message: UDP_MAX_SEGMENTS, and the largest datagram there is.
    MOST_SEGMENTS = 64,
    MOST_SEGMENTED_BYTES = 65000,
};

#if defined(__linux__)

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

typedef struct mmsghdr message;
#define QUIETLY MSG_NOSIGNAL
// The length that a cut datagram had is the return value then.
#define RECEIVE_FLAGS (MSG_DONTWAIT | MSG_TRUNC)
#define CONTROL_SPACE CMSG_SPACE(sizeof(uint16_t))

#else

typedef struct {
    struct msghdr msg_hdr;
    unsigned msg_len;
} message;
#define QUIETLY 0
#define RECEIVE_FLAGS MSG_DONTWAIT
#define CONTROL_SPACE 32

#endif

typedef union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} name;

typedef struct {
    reactor_address to;
    uint32_t segment;
    uint32_t bytes;
    int members;
    bool is_full;
    _Alignas(8) char control[CONTROL_SPACE];
} burst;

struct reactor_datagrams {
    message in[SLOTS];
    struct iovec in_parts[SLOTS];
    name in_names[SLOTS];
    reactor_arrival arrivals[SLOTS];

    message out[SLOTS];
    burst bursts[SLOTS];
    name out_names[SLOTS];
    struct iovec out_parts[PARTS];
    int messages;
    int parts;

    char *bytes;
};

// MARK: Addresses

static uint64_t load(const uint8_t *bytes) {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) word = word << 8 | bytes[i];
    return word;
}

static void store(uint8_t *bytes, uint64_t word) {
    for (int i = 7; i >= 0; i--, word >>= 8) bytes[i] = (uint8_t)word;
}

static reactor_address numbers(const name *name) {
    reactor_address address = {0};
    if (name->any.sa_family == AF_INET) {
        address.family = 4;
        address.port = ntohs(name->four.sin_port);
        address.high = (uint64_t)ntohl(name->four.sin_addr.s_addr) << 32;
    } else if (name->any.sa_family == AF_INET6) {
        address.family = 6;
        address.port = ntohs(name->six.sin6_port);
        address.high = load(name->six.sin6_addr.s6_addr);
        address.low = load(name->six.sin6_addr.s6_addr + 8);
        address.scope = name->six.sin6_scope_id;
    }
    return address;
}

static socklen_t fill(name *name, const reactor_address *address) {
    if (address->family == 4) {
        memset(&name->four, 0, sizeof name->four);
        name->four.sin_family = AF_INET;
        name->four.sin_port = htons(address->port);
        name->four.sin_addr.s_addr = htonl((uint32_t)(address->high >> 32));
        return sizeof name->four;
    }
    if (address->family == 0) return 0;
    memset(&name->six, 0, sizeof name->six);
    name->six.sin6_family = AF_INET6;
    name->six.sin6_port = htons(address->port);
    store(name->six.sin6_addr.s6_addr, address->high);
    store(name->six.sin6_addr.s6_addr + 8, address->low);
    name->six.sin6_scope_id = address->scope;
    return sizeof name->six;
}

static bool are_same(const reactor_address *one, const reactor_address *other) {
    return one->high == other->high && one->low == other->low && one->port == other->port
        && one->scope == other->scope && one->family == other->family;
}

// MARK: Receiving

reactor_datagrams *reactor_datagrams_make(void) {
    reactor_datagrams *all = calloc(1, sizeof *all);
    if (all) all->bytes = malloc((size_t)STRIDE * SLOTS);
    if (!all || !all->bytes) abort();
    for (int i = 0; i < SLOTS; i++) {
        all->in_parts[i].iov_base = all->bytes + (size_t)STRIDE * i;
        all->in_parts[i].iov_len = ROOM;
        all->in[i].msg_hdr.msg_iov = &all->in_parts[i];
        all->in[i].msg_hdr.msg_iovlen = 1;
        all->in[i].msg_hdr.msg_name = &all->in_names[i];
        all->out[i].msg_hdr.msg_name = &all->out_names[i];
    }
    return all;
}

void reactor_datagrams_free(reactor_datagrams *all) {
    free(all->bytes);
    free(all);
}

reactor_arrival *reactor_datagrams_arrivals(reactor_datagrams *all) { return all->arrivals; }

void *reactor_datagrams_slot(reactor_datagrams *all, int index) {
    return all->bytes + (size_t)STRIDE * index;
}

/// As `recvmmsg`: an error counts only if it is the first thing that happens.
static int receive_singly(int socket, message *messages, int want) {
    for (int i = 0; i < want; i++) {
        ssize_t count = recvmsg(socket, &messages[i].msg_hdr, RECEIVE_FLAGS);
        if (count < 0) return i > 0 ? i : -1;
        messages[i].msg_len = (unsigned)count;
    }
    return want;
}

static int receive(int socket, message *messages, int want, bool singly) {
#if defined(__linux__)
    if (!singly) return recvmmsg(socket, messages, (unsigned)want, RECEIVE_FLAGS, NULL);
#endif
    (void)singly;
    return receive_singly(socket, messages, want);
}

int reactor_datagrams_receive(
    reactor_datagrams *all, int socket, int want, void *first, size_t room, bool singly
) {
    struct iovec own = all->in_parts[0];
    if (first) all->in_parts[0] = (struct iovec){.iov_base = first, .iov_len = room};
    for (int i = 0; i < want; i++) all->in[i].msg_hdr.msg_namelen = sizeof all->in_names[i];
    int count;
    do count = receive(socket, all->in, want, singly);
    while (count < 0 && errno == EINTR);
    if (count < 0) count = -errno;
    for (int i = 0; i < count; i++) {
        reactor_arrival *arrival = &all->arrivals[i];
        uint32_t length = all->in[i].msg_len;
        uint32_t most = (uint32_t)all->in_parts[i].iov_len;
        arrival->from = numbers(&all->in_names[i]);
        arrival->count = length < most ? length : most;
        arrival->is_truncated = (all->in[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    all->in_parts[0] = own;
    return count;
}

// MARK: Sending

ssize_t reactor_send_datagram(
    int socket, const void *bytes, size_t count, reactor_address to
) {
    name name;
    socklen_t size = fill(&name, &to);
    return sendto(socket, bytes, count, QUIETLY, size ? &name.any : NULL, size);
}

static void append(reactor_datagrams *all, burst *burst, const void *bytes, size_t count) {
    all->out_parts[all->parts++] = (struct iovec){.iov_base = (void *)bytes, .iov_len = count};
    all->out[burst - all->bursts].msg_hdr.msg_iovlen++;
    burst->bytes += (uint32_t)count;
    burst->members++;
    // Only the last one may be shorter, and none empty.
    if (count < burst->segment || count == 0) burst->is_full = true;
}

bool reactor_datagrams_add(
    reactor_datagrams *all, const void *bytes, size_t count, reactor_address to, bool segmented
) {
    if (all->parts == PARTS) return false;
    if (segmented && all->messages > 0) {
        burst *last = &all->bursts[all->messages - 1];
        if (!last->is_full && count > 0 && count <= last->segment && last->members < MOST_SEGMENTS
            && last->bytes + count <= MOST_SEGMENTED_BYTES && are_same(&last->to, &to)) {
            append(all, last, bytes, count);
            return true;
        }
    }
    if (all->messages == SLOTS) return false;
    int index = all->messages++;
    struct msghdr *header = &all->out[index].msg_hdr;
    header->msg_namelen = fill(&all->out_names[index], &to);
    header->msg_name = header->msg_namelen ? &all->out_names[index] : NULL;
    header->msg_iov = &all->out_parts[all->parts];
    header->msg_iovlen = 0;
    header->msg_control = NULL;
    header->msg_controllen = 0;
    burst *burst = &all->bursts[index];
    burst->to = to;
    burst->segment = (uint32_t)count;
    burst->bytes = 0;
    burst->members = 0;
    burst->is_full = false;
    append(all, burst, bytes, count);
    return true;
}

/// As `sendmmsg`: an error counts only if it is the first thing that happens.
static int send_singly(int socket, message *messages, int count) {
    for (int i = 0; i < count; i++)
        if (sendmsg(socket, &messages[i].msg_hdr, QUIETLY) < 0) return i > 0 ? i : -1;
    return count;
}

#if defined(__linux__)

/// Tells the kernel where the datagrams of a burst end.
static void seal(struct msghdr *header, burst *burst) {
    header->msg_control = burst->control;
    header->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    uint16_t size = (uint16_t)burst->segment;
    memcpy(CMSG_DATA(control), &size, sizeof size);
}

static int send_all(reactor_datagrams *all, int socket, bool singly) {
    for (int i = 0; i < all->messages; i++)
        if (all->bursts[i].members > 1) seal(&all->out[i].msg_hdr, &all->bursts[i]);
    if (singly || all->messages == 1) return send_singly(socket, all->out, all->messages);
    return sendmmsg(socket, all->out, (unsigned)all->messages, QUIETLY);
}

#else

static int send_all(reactor_datagrams *all, int socket, bool singly) {
    (void)singly;
    return send_singly(socket, all->out, all->messages);
}

#endif

reactor_sent reactor_datagrams_send(reactor_datagrams *all, int socket, bool singly) {
    int count;
    do count = send_all(all, socket, singly);
    while (count < 0 && errno == EINTR);
    reactor_sent result = {.failure = count < 0 ? errno : 0, .members = all->bursts[0].members};
    for (int i = 0; i < count; i++) result.sent += all->bursts[i].members;
    all->messages = all->parts = 0;
    return result;
}
