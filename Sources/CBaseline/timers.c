// A million timers on one libuv loop.

#include <stdlib.h>
#include <uv.h>

#include "CBaseline.h"

static int64_t fired;

static void on_timer(uv_timer_t *timer) {
    (void)timer;
    fired++;
}

static uv_timer_t *make_timers(uv_loop_t *loop, int64_t count) {
    uv_timer_t *timers = calloc((size_t)count, sizeof *timers);
    for (int64_t i = 0; i < count; i++) uv_timer_init(loop, &timers[i]);
    return timers;
}

static void end(uv_loop_t *loop, uv_timer_t *timers, int64_t count) {
    for (int64_t i = 0; i < count; i++) uv_close((uv_handle_t *)&timers[i], NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    free(timers);
}

cbaseline_time cbaseline_timers_cancel(int64_t count) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    int64_t start = cbaseline_now(), cpu = cbaseline_own_cpu();
    uv_timer_t *timers = make_timers(&loop, count);
    for (int64_t i = 0; i < count; i++) uv_timer_start(&timers[i], on_timer, 3600000, 0);
    int64_t started = cbaseline_now();
    for (int64_t i = 0; i < count; i++) uv_timer_stop(&timers[i]);
    cbaseline_time time = {
        .wall = cbaseline_now() - start,
        .cpu = cbaseline_own_cpu() - cpu,
        .started = started - start};
    end(&loop, timers, count);
    return time;
}

cbaseline_time cbaseline_timers_fire(int64_t count, int64_t lead_ms, int64_t spread_ms) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    fired = 0;
    int64_t start = cbaseline_now(), cpu = cbaseline_own_cpu();
    uint64_t origin = uv_now(&loop);
    uv_timer_t *timers = make_timers(&loop, count);
    for (int64_t i = 0; i < count; i++) {
        if ((i & 1023) == 0) uv_update_time(&loop);
        int64_t due = lead_ms + i * 7919 % count * spread_ms / count;
        int64_t passed = (int64_t)(uv_now(&loop) - origin);
        uv_timer_start(&timers[i], on_timer, due > passed ? (uint64_t)(due - passed) : 0, 0);
    }
    int64_t started = cbaseline_now();
    uv_run(&loop, UV_RUN_DEFAULT);
    cbaseline_time time = {
        .wall = cbaseline_now() - start,
        .cpu = cbaseline_own_cpu() - cpu,
        .started = started - start};
    if (fired != count) time.wall = -1;
    end(&loop, timers, count);
    return time;
}
