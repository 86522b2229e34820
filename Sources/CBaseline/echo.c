// The echo servers that Reactor is measured against: libuv as its users write it.

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "CBaseline.h"

static char landing[64 * 1024];

typedef struct {
    uv_write_t request;
    char bytes[];
} pending_write;

static void on_closed(uv_handle_t *handle) { free(handle); }

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(landing, sizeof landing);
}

static void on_written(uv_write_t *request, int status) {
    uv_stream_t *stream = request->handle;
    free(request);
    if (status < 0) {
        if (!uv_is_closing((uv_handle_t *)stream)) uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    if (count == 0) return;
    if (count < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    uv_buf_t part = uv_buf_init(buffer->base, (unsigned)count);
    int sent = uv_try_write(stream, &part, 1);
    if (sent == count) return;
    if (sent < 0 && sent != UV_EAGAIN) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    size_t done = sent < 0 ? 0 : (size_t)sent;
    size_t rest = (size_t)count - done;
    pending_write *write = malloc(sizeof *write + rest);
    memcpy(write->bytes, buffer->base + done, rest);
    part = uv_buf_init(write->bytes, (unsigned)rest);
    uv_write(&write->request, stream, &part, 1, on_written);
}

static void on_connection(uv_stream_t *server, int status) {
    if (status < 0) return;
    uv_tcp_t *client = malloc(sizeof *client);
    uv_tcp_init(server->loop, client);
    if (uv_accept(server, (uv_stream_t *)client) == 0) {
        uv_tcp_nodelay(client, 1);
        uv_read_start((uv_stream_t *)client, on_allocate, on_read);
    } else {
        uv_close((uv_handle_t *)client, on_closed);
    }
}

int cbaseline_echo(uint16_t port, void (*ready)(uint16_t port)) {
    uv_loop_t *loop = uv_default_loop();
    signal(SIGPIPE, SIG_IGN);
    uv_tcp_t server;
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_tcp_init(loop, &server);
    int status = uv_tcp_bind(&server, (const struct sockaddr *)&address, 0);
    if (status == 0) status = uv_listen((uv_stream_t *)&server, 1024, on_connection);
    if (status < 0) return status;
    int size = sizeof address;
    uv_tcp_getsockname(&server, (struct sockaddr *)&address, &size);
    ready(ntohs(address.sin_port));
    return uv_run(loop, UV_RUN_DEFAULT);
}

static void on_local_connection(uv_stream_t *server, int status) {
    if (status < 0) return;
    uv_pipe_t *client = malloc(sizeof *client);
    uv_pipe_init(server->loop, client, 0);
    if (uv_accept(server, (uv_stream_t *)client) == 0) {
        uv_read_start((uv_stream_t *)client, on_allocate, on_read);
    } else {
        uv_close((uv_handle_t *)client, on_closed);
    }
}

int cbaseline_echo_unix(const char *path, void (*ready)(uint16_t unused)) {
    uv_loop_t *loop = uv_default_loop();
    signal(SIGPIPE, SIG_IGN);
    uv_pipe_t server;
    uv_pipe_init(loop, &server, 0);
    int status = uv_pipe_bind(&server, path);
    if (status == 0) status = uv_listen((uv_stream_t *)&server, 1024, on_local_connection);
    if (status < 0) return status;
    ready(0);
    return uv_run(loop, UV_RUN_DEFAULT);
}
