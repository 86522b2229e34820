// One stream of very many bytes: who sends it, who swallows it, and libuv reading it.

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "CBaseline.h"

enum { BLOCK = 256 * 1024 };

struct job {
    int socket;
    int64_t bytes;
    int core;
};

static void *send_all(void *argument) {
    struct job *job = argument;
    if (job->core >= 0) cbaseline_pin(job->core);
    char *block = calloc(1, BLOCK);
    int64_t left = job->bytes;
    while (left > 0) {
        ssize_t sent = send(job->socket, block, left < BLOCK ? (size_t)left : BLOCK, MSG_NOSIGNAL);
        if (sent <= 0) break;
        left -= sent;
    }
    close(job->socket);
    free(block);
    free(job);
    return NULL;
}

static void *swallow(void *argument) {
    struct job *job = argument;
    if (job->core >= 0) cbaseline_pin(job->core);
    char *block = malloc(BLOCK);
    int client = accept(job->socket, NULL, NULL);
    while (client >= 0 && recv(client, block, BLOCK, 0) > 0) {
    }
    if (client >= 0) close(client);
    close(job->socket);
    free(block);
    free(job);
    return NULL;
}

static bool start(void *(*body)(void *), int socket, int64_t bytes, int core) {
    struct job *job = malloc(sizeof *job);
    *job = (struct job){socket, bytes, core};
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, job) != 0) return false;
    pthread_detach(thread);
    return true;
}

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool cbaseline_flood(uint16_t port, int64_t bytes, int core) {
    struct sockaddr_in address = loopback(port);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof address) != 0) {
        return false;
    }
    return start(send_all, client, bytes, core);
}

uint16_t cbaseline_swallow(int core) {
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&address, size) != 0 ||
        listen(server, 1) != 0 || getsockname(server, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return start(swallow, server, 0, core) ? ntohs(address.sin_port) : 0;
}

int64_t cbaseline_thread_cpu(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static char landing[64 * 1024];
static int64_t received;

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(landing, sizeof landing);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    (void)buffer;
    if (count > 0) received += count;
    if (count < 0) {
        uv_close((uv_handle_t *)stream, NULL);
        uv_close((uv_handle_t *)stream->data, NULL);
    }
}

static void on_connection(uv_stream_t *server, int status) {
    static uv_tcp_t client;
    if (status < 0) return;
    uv_tcp_init(server->loop, &client);
    client.data = server;
    if (uv_accept(server, (uv_stream_t *)&client) == 0) {
        uv_read_start((uv_stream_t *)&client, on_allocate, on_read);
    }
}

cbaseline_time cbaseline_bulk(int64_t bytes, int core) {
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t server;
    struct sockaddr_in address = loopback(0);
    uv_tcp_init(loop, &server);
    uv_tcp_bind(&server, (const struct sockaddr *)&address, 0);
    uv_listen((uv_stream_t *)&server, 16, on_connection);
    int size = sizeof address;
    uv_tcp_getsockname(&server, (struct sockaddr *)&address, &size);
    int64_t start_wall = cbaseline_now(), start_cpu = cbaseline_thread_cpu();
    if (!cbaseline_flood(ntohs(address.sin_port), bytes, core)) return (cbaseline_time){0};
    uv_run(loop, UV_RUN_DEFAULT);
    cbaseline_time time = {.wall = cbaseline_now() - start_wall,
                           .cpu = cbaseline_thread_cpu() - start_cpu};
    return received == bytes ? time : (cbaseline_time){0};
}
