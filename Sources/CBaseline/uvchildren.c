// Children of a libuv loop: started, ended among many, and what they do to a timer.

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "CBaseline.h"

static struct {
    char **arguments;
    int64_t begun, done, count;
    bool failed;
} run;

static bool start(uv_loop_t *loop, uv_process_t *child, uv_exit_cb on_exit) {
    uv_stdio_container_t streams[3];
    for (int i = 0; i < 3; i++) streams[i] = (uv_stdio_container_t){UV_INHERIT_FD, {.fd = i}};
    uv_process_options_t options = {
        .file = run.arguments[0],
        .args = run.arguments,
        .exit_cb = on_exit,
        .stdio = streams,
        .stdio_count = 3};
    return uv_spawn(loop, child, &options) == 0;
}

// MARK: Start and wait

static void on_true(uv_process_t *child, int64_t status, int signal);

static void start_next(uv_loop_t *loop) {
    uv_process_t *child = malloc(sizeof *child);
    run.begun++;
    if (!start(loop, child, on_true)) run.failed = true;
}

static void on_freed(uv_handle_t *child) { free(child); }

static void on_true(uv_process_t *child, int64_t status, int signal) {
    if (status != 0 || signal != 0) run.failed = true;
    run.done++;
    uv_loop_t *loop = child->loop;
    uv_close((uv_handle_t *)child, on_freed);
    if (run.begun < run.count) start_next(loop);
}

static void begin(uv_loop_t *loop, int64_t count, int64_t at_once) {
    static char *nothing[] = {"/bin/true", NULL};
    memset(&run, 0, sizeof run);
    run.arguments = nothing;
    run.count = count;
    while (run.begun < at_once && run.begun < count) start_next(loop);
}

cbaseline_time cbaseline_spawn_uv(int64_t count, int64_t at_once) {
    uv_loop_t *loop = uv_default_loop();
    int64_t start_wall = cbaseline_now(), start_cpu = cbaseline_own_cpu();
    begin(loop, count, at_once);
    uv_run(loop, UV_RUN_DEFAULT);
    cbaseline_time time = {.wall = cbaseline_now() - start_wall,
                           .cpu = cbaseline_own_cpu() - start_cpu};
    if (run.failed || run.done != count) time.wall = -1;
    return time;
}

// MARK: One end among many

static void on_end(uv_process_t *child, int64_t status, int signal) {
    (void)child;
    (void)status;
    if (signal != SIGKILL) run.failed = true;
    run.done++;
}

/// Kills one and waits until the loop has told its end.
static void end_one(uv_loop_t *loop, uv_process_t *child) {
    int64_t before = run.done;
    if (uv_process_kill(child, SIGKILL) != 0) run.failed = true;
    while (run.done == before && !run.failed) uv_run(loop, UV_RUN_ONCE);
}

cbaseline_time cbaseline_exits(char **arguments, int64_t alive, int64_t exits) {
    uv_loop_t *loop = uv_default_loop();
    memset(&run, 0, sizeof run);
    run.arguments = arguments;
    int64_t count = alive + exits, begun = 0;
    uv_process_t *children = calloc((size_t)count, sizeof *children);
    while (begun < count && !run.failed) {
        if (start(loop, &children[begun], on_end)) {
            begun++;
        } else {
            run.failed = true;
        }
    }
    int64_t start_wall = cbaseline_now(), start_cpu = cbaseline_own_cpu();
    for (int64_t i = 0; i < exits && !run.failed; i++) end_one(loop, &children[i]);
    cbaseline_time time = {.wall = cbaseline_now() - start_wall,
                           .cpu = cbaseline_own_cpu() - start_cpu};
    if (run.failed) time.wall = -1;
    // What is left is nobody's any more: the process ends.
    for (int64_t i = 0; i < begun; i++)
        if (uv_is_active((uv_handle_t *)&children[i])) uv_process_kill(&children[i], SIGKILL);
    return time;
}

// MARK: A timer beside them

static struct {
    int64_t due;
    int64_t *samples;
    size_t capacity, size;
} beat;

static void on_beat(uv_timer_t *timer) {
    int64_t now = cbaseline_now();
    for (; beat.due <= now && beat.size < beat.capacity; beat.due += 1000000)
        beat.samples[beat.size++] = now - beat.due;
    if (run.done == run.count || run.failed) return uv_close((uv_handle_t *)timer, NULL);
    uv_timer_start(timer, on_beat, 1, 0);
}

size_t cbaseline_lateness(int64_t count, int64_t at_once, int64_t *samples, size_t capacity) {
    uv_loop_t *loop = uv_default_loop();
    uv_timer_t timer;
    beat.samples = samples;
    beat.capacity = capacity;
    beat.size = 0;
    uv_timer_init(loop, &timer);
    beat.due = cbaseline_now() + 1000000;
    uv_timer_start(&timer, on_beat, 1, 0);
    begin(loop, count, at_once);
    uv_run(loop, UV_RUN_DEFAULT);
    return run.failed ? 0 : beat.size;
}
