// Messages between two libuv loops, each on a thread of its own: what a cross-loop call costs at
// the least.

#include <pthread.h>
#include <string.h>
#include <uv.h>

#include "CBaseline.h"

typedef struct side {
    uv_loop_t loop;
    uv_async_t wakeup;
    pthread_mutex_t lock;
    int64_t queued;
    int64_t to_send;
    int64_t answered;
    int64_t count;
    int core;
    struct side *other;
} side;

static int64_t take(side *mine) {
    pthread_mutex_lock(&mine->lock);
    int64_t taken = mine->queued;
    mine->queued = 0;
    pthread_mutex_unlock(&mine->lock);
    return taken;
}

/// One call, one message, one wake-up: libuv itself merges those that come together.
static void pass(side *to) {
    pthread_mutex_lock(&to->lock);
    to->queued++;
    pthread_mutex_unlock(&to->lock);
    uv_async_send(&to->wakeup);
}

static void on_request(uv_async_t *wakeup) {
    side *mine = wakeup->data;
    for (int64_t left = take(mine); left > 0; left--) {
        pass(mine->other);
        if (++mine->answered == mine->count) uv_close((uv_handle_t *)wakeup, NULL);
    }
}

static void on_answer(uv_async_t *wakeup) {
    side *mine = wakeup->data;
    for (int64_t left = take(mine); left > 0; left--) {
        mine->answered++;
        if (mine->to_send > 0) {
            mine->to_send--;
            pass(mine->other);
        } else if (mine->answered == mine->count) {
            uv_close((uv_handle_t *)wakeup, NULL);
        }
    }
}

static void *run(void *argument) {
    side *mine = argument;
    if (mine->core >= 0) cbaseline_pin(mine->core);
    uv_run(&mine->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void prepare(side *side, int64_t count, int core, uv_async_cb on_wakeup) {
    memset(side, 0, sizeof *side);
    uv_loop_init(&side->loop);
    uv_async_init(&side->loop, &side->wakeup, on_wakeup);
    side->wakeup.data = side;
    pthread_mutex_init(&side->lock, NULL);
    side->count = count;
    side->core = core;
}

static void end(side *side) {
    uv_loop_close(&side->loop);
    pthread_mutex_destroy(&side->lock);
}

cbaseline_time cbaseline_submit(int64_t count, int in_flight, int first_core, int second_core) {
    side caller, callee;
    prepare(&caller, count, first_core, on_answer);
    prepare(&callee, count, second_core, on_request);
    caller.other = &callee;
    callee.other = &caller;
    pthread_t first, second;
    int64_t start = cbaseline_now(), cpu = cbaseline_own_cpu();
    pthread_create(&second, NULL, run, &callee);
    caller.to_send = count - in_flight;
    for (int i = 0; i < in_flight; i++) pass(&callee);
    pthread_create(&first, NULL, run, &caller);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    cbaseline_time time = {.wall = cbaseline_now() - start, .cpu = cbaseline_own_cpu() - cpu};
    end(&caller);
    end(&callee);
    return time;
}
