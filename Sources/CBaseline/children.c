// Children without a loop: posix_spawn and waitpid, and a loop on read.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CBaseline.h"

extern char **environ;

static char *const nothing[] = {"/bin/true", NULL};

static bool start(pid_t *child) {
    return posix_spawn(child, nothing[0], NULL, NULL, nothing, environ) == 0;
}

static bool wait_for(pid_t child) {
    int status;
    pid_t ended;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended > 0 && status == 0;
}

cbaseline_time cbaseline_spawn_posix(int64_t count, int64_t at_once) {
    int64_t begun = 0, done = 0;
    bool failed = false;
    pid_t child;
    int64_t start_wall = cbaseline_now(), start_cpu = cbaseline_own_cpu();
    for (; begun < at_once && begun < count; begun++) failed |= !start(&child);
    while (!failed && done < count) {
        failed |= !wait_for(-1);
        done++;
        if (begun < count) {
            begun++;
            failed |= !start(&child);
        }
    }
    cbaseline_time time = {.wall = cbaseline_now() - start_wall,
                           .cpu = cbaseline_own_cpu() - start_cpu};
    if (failed) time.wall = -1;
    return time;
}

static _Atomic int64_t left;
static atomic_bool has_failed;

static void *one_after_the_other(void *unused) {
    (void)unused;
    while (atomic_fetch_sub(&left, 1) > 0) {
        pid_t child;
        if (!start(&child) || !wait_for(child)) atomic_store(&has_failed, true);
    }
    return NULL;
}

cbaseline_time cbaseline_spawn_threads(int64_t count, int64_t at_once) {
    pthread_t threads[64];
    if (at_once > 64) at_once = 64;
    atomic_store(&left, count);
    int64_t start_wall = cbaseline_now(), start_cpu = cbaseline_own_cpu();
    for (int64_t i = 1; i < at_once; i++)
        pthread_create(&threads[i], NULL, one_after_the_other, NULL);
    one_after_the_other(NULL);
    for (int64_t i = 1; i < at_once; i++) pthread_join(threads[i], NULL);
    cbaseline_time time = {.wall = cbaseline_now() - start_wall,
                           .cpu = cbaseline_own_cpu() - start_cpu};
    if (atomic_load(&has_failed)) time.wall = -1;
    return time;
}

cbaseline_time cbaseline_pipe(const char *path, char *const *arguments, int64_t bytes) {
    static char landing[64 * 1024];
    pid_t child;
    int input, output;
    int64_t received = 0;
    ssize_t count;
    int64_t start_wall = cbaseline_now(), start_cpu = cbaseline_own_cpu();
    if (cbaseline_spawn(path, arguments, false, &child, &input, &output) != 0)
        return (cbaseline_time){.wall = -1};
    close(input);
    while ((count = read(output, landing, sizeof landing)) > 0) received += count;
    close(output);
    bool succeeded = wait_for(child);
    cbaseline_time time = {.wall = cbaseline_now() - start_wall,
                           .cpu = cbaseline_own_cpu() - start_cpu};
    if (!succeeded || received != bytes) time.wall = -1;
    return time;
}
