// Look-ups of host names on one libuv loop, and by the C library alone.

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "CBaseline.h"

static struct {
    const char *host;
    int64_t begun, done, count, failed;
} run;

static void begin(uv_loop_t *loop);

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *found) {
    uv_loop_t *loop = request->loop;
    free(request);
    if (status != 0) run.failed++;
    uv_freeaddrinfo(found);
    run.done++;
    if (run.begun < run.count) begin(loop);
}

static void begin(uv_loop_t *loop) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    uv_getaddrinfo_t *request = malloc(sizeof *request);
    run.begun++;
    if (uv_getaddrinfo(loop, request, on_answer, run.host, NULL, &hints) != 0) {
        free(request);
        run.failed++;
        run.done++;
    }
}

cbaseline_time cbaseline_dns(const char *host, int64_t count, int64_t in_flight) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    run.host = host;
    run.count = count;
    run.begun = run.done = run.failed = 0;
    int64_t start = cbaseline_now(), cpu = cbaseline_own_cpu();
    while (run.begun < in_flight) begin(&loop);
    uv_run(&loop, UV_RUN_DEFAULT);
    cbaseline_time time = {.wall = cbaseline_now() - start, .cpu = cbaseline_own_cpu() - cpu};
    if (run.failed > 0 || run.done != count) time.wall = -1;
    uv_loop_close(&loop);
    return time;
}

cbaseline_time cbaseline_getaddrinfo(const char *host, int64_t count) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int64_t start = cbaseline_now(), cpu = cbaseline_own_cpu();
    bool failed = false;
    for (int64_t i = 0; i < count; i++) {
        if (getaddrinfo(host, NULL, &hints, &found) != 0) {
            failed = true;
            break;
        }
        freeaddrinfo(found);
    }
    cbaseline_time time = {.wall = cbaseline_now() - start, .cpu = cbaseline_own_cpu() - cpu};
    if (failed) time.wall = -1;
    return time;
}
