// The load on UDP servers: so many datagrams in flight, each answered by its next one.
//
// What is lost is sent again after a while and counted. Datagrams carry the number of their place
// in flight and of the try, so that an answer which comes late or twice is told apart.

#ifdef __linux__
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "CBaseline.h"

#ifdef __linux__

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AT_ONCE = 64, PATIENCE_NS = 100000000, MOST_SOCKETS = 64 };

typedef struct {
    uint32_t place;
    uint32_t try;
} mark;

typedef struct {
    int64_t began;
    uint32_t try;
    bool is_waiting;
} place;

struct cbaseline_udp_load {
    int sockets;
    int in_flight;
    size_t size;
    struct pollfd descriptors[MOST_SOCKETS];
    place *places;
    char *pattern;
    char *outgoing;
    char *incoming;
    struct mmsghdr out[AT_ONCE];
    struct iovec out_parts[AT_ONCE];
    struct mmsghdr in[AT_ONCE];
    struct iovec in_parts[AT_ONCE];
    int added;
};

static int connect_to(uint16_t port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int room = 4 << 20;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons(port)};
    end.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (struct sockaddr *)&end, sizeof end) < 0) {
        int failure = errno;
        close(descriptor);
        errno = failure;
        return -1;
    }
    return descriptor;
}

cbaseline_udp_load *cbaseline_udp_load_open(
    uint16_t port, int sockets, int in_flight, size_t size
) {
    if (sockets < 1 || sockets > MOST_SOCKETS || in_flight < sockets || size < sizeof(mark)) {
        errno = EINVAL;
        return NULL;
    }
    cbaseline_udp_load *load = calloc(1, sizeof *load);
    load->in_flight = in_flight;
    load->size = size;
    load->places = calloc((size_t)in_flight, sizeof(place));
    load->pattern = malloc(size);
    load->outgoing = malloc(size * AT_ONCE);
    load->incoming = malloc(size * AT_ONCE);
    for (size_t i = 0; i < size; i++) load->pattern[i] = (char)(i * 31 + i / 251);
    for (int i = 0; i < AT_ONCE; i++) {
        memcpy(load->outgoing + size * (size_t)i, load->pattern, size);
        load->out_parts[i] = (struct iovec){load->outgoing + size * (size_t)i, size};
        load->in_parts[i] = (struct iovec){load->incoming + size * (size_t)i, size};
        load->out[i].msg_hdr.msg_iov = &load->out_parts[i];
        load->in[i].msg_hdr.msg_iov = &load->in_parts[i];
        load->out[i].msg_hdr.msg_iovlen = load->in[i].msg_hdr.msg_iovlen = 1;
    }
    for (; load->sockets < sockets; load->sockets++) {
        int descriptor = connect_to(port);
        if (descriptor < 0) {
            int failure = errno;
            cbaseline_udp_load_close(load);
            errno = failure;
            return NULL;
        }
        load->descriptors[load->sockets] = (struct pollfd){.fd = descriptor, .events = POLLIN};
    }
    return load;
}

void cbaseline_udp_load_close(cbaseline_udp_load *load) {
    for (int i = 0; i < load->sockets; i++) close(load->descriptors[i].fd);
    free(load->places);
    free(load->pattern);
    free(load->outgoing);
    free(load->incoming);
    free(load);
}

/// What does not leave counts as lost later.
static void flush(cbaseline_udp_load *load, int descriptor) {
    int sent = 0;
    while (sent < load->added) {
        int now = sendmmsg(
            descriptor, load->out + sent, (unsigned)(load->added - sent), MSG_NOSIGNAL);
        if (now <= 0) {
            struct pollfd room = {.fd = descriptor, .events = POLLOUT};
            if (errno != EAGAIN) break;
            poll(&room, 1, 100);
            continue;
        }
        sent += now;
    }
    load->added = 0;
}

static void begin(cbaseline_udp_load *load, int index, int64_t now) {
    place *place = &load->places[index];
    place->began = now;
    place->is_waiting = true;
    mark mark = {(uint32_t)index, ++place->try};
    memcpy(load->out_parts[load->added].iov_base, &mark, sizeof mark);
    if (++load->added == AT_ONCE) flush(load, load->descriptors[index % load->sockets].fd);
}

/// The place whose answer this is, -1 for one that came late or twice, -2 for wrong bytes.
static int answered(cbaseline_udp_load *load, int index) {
    const char *bytes = load->in_parts[index].iov_base;
    mark mark;
    memcpy(&mark, bytes, sizeof mark);
    if (load->in[index].msg_len != load->size || mark.place >= (uint32_t)load->in_flight
        || memcmp(
               bytes + sizeof mark, load->pattern + sizeof mark, load->size - sizeof mark) != 0)
        return -2;
    place *place = &load->places[mark.place];
    return place->is_waiting && place->try == mark.try ? (int)mark.place : -1;
}

typedef struct {
    int64_t left;
    int64_t end;
    int64_t done;
    int64_t lost;
    int busy;
    uint32_t *latencies;
    size_t capacity;
} run;

static bool receive(cbaseline_udp_load *load, int socket, run *run) {
    int descriptor = load->descriptors[socket].fd;
    int count = recvmmsg(descriptor, load->in, AT_ONCE, MSG_DONTWAIT, NULL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    int64_t now = cbaseline_now();
    for (int i = 0; i < count; i++) {
        int index = answered(load, i);
        if (index == -2) {
            errno = EPROTO;
            return false;
        }
        if (index < 0) continue;
        int64_t taken = now - load->places[index].began;
        if (run->latencies && (size_t)run->done < run->capacity)
            run->latencies[run->done] = taken > UINT32_MAX ? UINT32_MAX : (uint32_t)taken;
        run->done++;
        if (run->left > 0 && (run->end == 0 || now < run->end)) {
            run->left--;
            begin(load, index, now);
        } else {
            load->places[index].is_waiting = false;
            run->busy--;
        }
    }
    flush(load, descriptor);
    return true;
}

static void resend(cbaseline_udp_load *load, run *run) {
    int64_t now = cbaseline_now();
    for (int i = 0; i < load->in_flight; i++) {
        if (!load->places[i].is_waiting || now - load->places[i].began < PATIENCE_NS) continue;
        run->lost++;
        begin(load, i, now);
        flush(load, load->descriptors[i % load->sockets].fd);
    }
}

int64_t cbaseline_udp_load_run(
    cbaseline_udp_load *load, int64_t total, double seconds, uint32_t *latencies, size_t capacity,
    int64_t *lost
) {
    int64_t now = cbaseline_now(), last_done = 0, last_progress = now, last_look = now;
    run run = {
        .left = total > 0 ? total - load->in_flight : INT64_MAX,
        .end = total > 0 ? 0 : now + (int64_t)(seconds * 1e9),
        .busy = load->in_flight,
        .latencies = latencies,
        .capacity = capacity,
    };
    for (int socket = 0; socket < load->sockets; socket++) {
        for (int i = socket; i < load->in_flight; i += load->sockets)
            begin(load, i, cbaseline_now());
        flush(load, load->descriptors[socket].fd);
    }
    while (run.busy > 0) {
        int count = poll(load->descriptors, (nfds_t)load->sockets, 100);
        if (count < 0 && errno != EINTR) return -1;
        for (int i = 0; count > 0 && i < load->sockets; i++)
            if (load->descriptors[i].revents && !receive(load, i, &run)) return -1;
        now = cbaseline_now();
        if (run.done != last_done) {
            last_done = run.done;
            last_progress = now;
        } else if (now - last_progress > 50 * (int64_t)PATIENCE_NS) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (now - last_look > PATIENCE_NS / 2) {
            last_look = now;
            resend(load, &run);
        }
    }
    *lost += run.lost;
    return run.done;
}

#else

cbaseline_udp_load *cbaseline_udp_load_open(
    uint16_t port, int sockets, int in_flight, size_t size
) {
    (void)port;
    (void)sockets;
    (void)in_flight;
    (void)size;
    errno = ENOTSUP;
    return NULL;
}

void cbaseline_udp_load_close(cbaseline_udp_load *load) { (void)load; }

int64_t cbaseline_udp_load_run(
    cbaseline_udp_load *load, int64_t total, double seconds, uint32_t *latencies, size_t capacity,
    int64_t *lost
) {
    (void)load;
    (void)total;
    (void)seconds;
    (void)latencies;
    (void)capacity;
    (void)lost;
    errno = ENOTSUP;
    return -1;
}

#endif
