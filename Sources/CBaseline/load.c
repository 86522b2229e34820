// The load: echo requests in a closed loop over epoll, with the time that each one took.
//
// It must cost less than the servers it measures, so it is C with nothing in between: one clock
// reading per request, no allocation, a `memcmp` of what came back.

#include "CBaseline.h"
#include "connect.h"

#ifdef __linux__

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256, PATIENCE_MS = 5000, PER_ADDRESS = 20000 };

typedef struct {
    int descriptor;
    bool waits_for_room;
    size_t sent;
    size_t received;
    int64_t began;
    int64_t left;
} connection;

struct cbaseline_load {
    int epoll;
    int count;
    size_t size;
    char *pattern;
    char *landing;
    connection *connections;
};

static void watch(cbaseline_load *load, int index, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u32 = (uint32_t)index};
    epoll_ctl(load->epoll, operation, load->connections[index].descriptor, &event);
}

static cbaseline_load *make(int count, size_t size) {
    cbaseline_load *load = calloc(1, sizeof *load);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->size = size;
    load->pattern = malloc(size);
    load->landing = malloc(size);
    for (size_t i = 0; i < size; i++) load->pattern[i] = (char)(i * 31 + i / 251);
    load->connections = calloc((size_t)count, sizeof(connection));
    for (int i = 0; i < count; i++) load->connections[i].descriptor = -1;
    load->count = count;
    return load;
}

/// To the path if there is one, else to the port.
static cbaseline_load *open_load(
    const char *_Nullable path, uint16_t port, int connections, size_t size
) {
    cbaseline_load *load = make(connections, size);
    for (int i = 0; i < connections; i++) {
        int descriptor =
            path ? cbaseline_connect_to_path(path)
                 : cbaseline_connect_from(port, (unsigned)(i / PER_ADDRESS));
        if (descriptor < 0) {
            int failure = errno;
            cbaseline_load_close(load);
            errno = failure;
            return NULL;
        }
        load->connections[i].descriptor = descriptor;
        watch(load, i, EPOLL_CTL_ADD, EPOLLIN);
    }
    return load;
}

cbaseline_load *cbaseline_load_open(uint16_t port, int connections, size_t size) {
    return open_load(NULL, port, connections, size);
}

cbaseline_load *cbaseline_load_open_unix(const char *path, int connections, size_t size) {
    return open_load(path, 0, connections, size);
}

void cbaseline_load_close(cbaseline_load *load) {
    for (int i = 0; i < load->count; i++)
        if (load->connections[i].descriptor >= 0) close(load->connections[i].descriptor);
    close(load->epoll);
    free(load->connections);
    free(load->landing);
    free(load->pattern);
    free(load);
}

static bool send_rest(cbaseline_load *load, int index) {
    connection *connection = &load->connections[index];
    ssize_t sent = send(
        connection->descriptor, load->pattern + connection->sent, load->size - connection->sent,
        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (sent > 0) connection->sent += (size_t)sent;
    bool waits = connection->sent < load->size;
    if (waits != connection->waits_for_room) {
        connection->waits_for_room = waits;
        watch(load, index, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    return true;
}

static bool begin(cbaseline_load *load, int index, int64_t now) {
    connection *connection = &load->connections[index];
    connection->sent = connection->received = 0;
    connection->began = now;
    return send_rest(load, index);
}

/// Takes what has arrived. 1: the echo is complete; 0: not yet; -1: failed.
static int receive(cbaseline_load *load, connection *connection) {
    size_t room = load->size - connection->received;
    ssize_t count = recv(connection->descriptor, load->landing, room, MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (count == 0) {
        errno = ECONNRESET;
        return -1;
    }
    if (memcmp(load->landing, load->pattern + connection->received, (size_t)count) != 0) {
        errno = EPROTO;
        return -1;
    }
    connection->received += (size_t)count;
    return connection->received == load->size;
}

static int wait_for_events(int epoll, struct epoll_event *events) {
    int count;
    do count = epoll_wait(epoll, events, BATCH, PATIENCE_MS);
    while (count < 0 && errno == EINTR);
    if (count == 0) {
        errno = ETIMEDOUT;
        return -1;
    }
    return count;
}

int64_t cbaseline_load_run(
    cbaseline_load *load, int64_t each, double seconds, uint32_t *latencies, size_t capacity
) {
    int64_t now = cbaseline_now(), end = now + (int64_t)(seconds * 1e9), done = 0;
    int busy = load->count;
    for (int i = 0; i < load->count; i++) {
        load->connections[i].left = each > 0 ? each : INT64_MAX;
        if (!begin(load, i, cbaseline_now())) return -1;
    }
    struct epoll_event events[BATCH];
    while (busy > 0) {
        int count = wait_for_events(load->epoll, events);
        if (count < 0) return -1;
        for (int i = 0; i < count; i++) {
            int index = (int)events[i].data.u32;
            connection *connection = &load->connections[index];
            if (events[i].events & EPOLLOUT && !send_rest(load, index)) return -1;
            if (!(events[i].events & ~(uint32_t)EPOLLOUT)) continue;
            int outcome = receive(load, connection);
            if (outcome < 0) return -1;
            if (outcome == 0) continue;
            now = cbaseline_now();
            int64_t taken = now - connection->began;
            if (latencies && (size_t)done < capacity)
                latencies[done] = taken > UINT32_MAX ? UINT32_MAX : (uint32_t)taken;
            done++;
            if (--connection->left == 0 || (each <= 0 && now >= end)) {
                busy--;
            } else if (!begin(load, index, now)) {
                return -1;
            }
        }
    }
    return done;
}

static bool reconnect(cbaseline_load *load, int index, uint16_t port, unsigned *made) {
    connection *connection = &load->connections[index];
    connection->began = cbaseline_now();
    connection->sent = connection->received = 0;
    connection->waits_for_room = false;
    connection->descriptor = cbaseline_connect_from(port, *made / 2000);
    if (connection->descriptor < 0) return false;
    *made += 1;
    watch(load, index, EPOLL_CTL_ADD, EPOLLIN);
    return send_rest(load, index);
}

int64_t cbaseline_churn(
    uint16_t port, int in_flight, size_t size, double seconds, uint32_t *latencies,
    size_t capacity
) {
    static unsigned made;
    cbaseline_load *load = make(in_flight, size);
    int64_t end = cbaseline_now() + (int64_t)(seconds * 1e9), done = 0;
    int busy = in_flight;
    for (int i = 0; i < in_flight; i++)
        if (!reconnect(load, i, port, &made)) goto failed;
    struct epoll_event events[BATCH];
    while (busy > 0) {
        int count = wait_for_events(load->epoll, events);
        if (count < 0) goto failed;
        for (int i = 0; i < count; i++) {
            int index = (int)events[i].data.u32;
            connection *connection = &load->connections[index];
            if (events[i].events & EPOLLOUT && !send_rest(load, index)) goto failed;
            if (!(events[i].events & ~(uint32_t)EPOLLOUT)) continue;
            int outcome = receive(load, connection);
            if (outcome < 0) goto failed;
            if (outcome == 0) continue;
            close(connection->descriptor);
            connection->descriptor = -1;
            int64_t now = cbaseline_now(), taken = now - connection->began;
            if (latencies && (size_t)done < capacity)
                latencies[done] = taken > UINT32_MAX ? UINT32_MAX : (uint32_t)taken;
            done++;
            if (now >= end) {
                busy--;
            } else if (!reconnect(load, index, port, &made)) {
                goto failed;
            }
        }
    }
    cbaseline_load_close(load);
    return done;
failed:;
    int failure = errno;
    cbaseline_load_close(load);
    errno = failure;
    return -1;
}

#else

#include <errno.h>

cbaseline_load *cbaseline_load_open(uint16_t port, int connections, size_t size) {
    (void)port;
    (void)connections;
    (void)size;
    errno = ENOTSUP;
    return NULL;
}

int64_t cbaseline_load_run(
    cbaseline_load *load, int64_t each, double seconds, uint32_t *latencies, size_t capacity
) {
    (void)load;
    (void)each;
    (void)seconds;
    (void)latencies;
    (void)capacity;
    errno = ENOTSUP;
    return -1;
}

cbaseline_load *cbaseline_load_open_unix(const char *path, int connections, size_t size) {
    (void)path;
    return cbaseline_load_open(0, connections, size);
}

void cbaseline_load_close(cbaseline_load *load) { (void)load; }

int64_t cbaseline_churn(
    uint16_t port, int in_flight, size_t size, double seconds, uint32_t *latencies,
    size_t capacity
) {
    (void)port;
    (void)in_flight;
    (void)size;
    (void)seconds;
    (void)latencies;
    (void)capacity;
    errno = ENOTSUP;
    return -1;
}

#endif
