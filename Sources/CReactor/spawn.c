// The two ways to start a program on Linux: asleep until it runs, or going on meanwhile.

#if defined(__linux__)
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

extern char **environ;

// MARK: With the calling thread asleep

static void reap(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static pid_t start_asleep(struct shared *shared, int *pidfd) {
    // On this thread's own stack, below what it uses.
    char stack[STACK_SIZE] __attribute__((aligned(64)));
    pid_t pid = reactor_start_child(shared, stack + sizeof stack, CLONE_VFORK | CLONE_PIDFD, pidfd);
    if (pid == -EINVAL || pid == -ENOSYS) {
        pid = reactor_start_child(shared, stack + sizeof stack, CLONE_VFORK, pidfd);
        *pidfd = -1;
    }
    return pid;
}

static void find_pidfd(pid_t pid, reactor_spawn_result *result) {
    result->pidfd = reactor_pidfd_open(pid);
    if (result->pidfd >= 0) return;
    if (result->pidfd != -ENOSYS && result->pidfd != -EPERM) {
        result->step = REACTOR_STEP_WATCH;
        result->error = -result->pidfd;
        kill(pid, SIGKILL);
    }
    result->pidfd = -1;
}

void reactor_spawn(const reactor_spawn_request *request, reactor_spawn_result *result) {
    memset(result, 0, sizeof *result);
    result->pidfd = -1;
    int *sources = malloc((request->move_count + 1) * sizeof *sources);
    struct shared shared = reactor_share(request, result, sources);
    pid_t pid = sources ? start_asleep(&shared, &result->pidfd) : -ENOMEM;
    free(sources);
    if (pid < 0) {
        result->step = REACTOR_STEP_FORK;
        result->error = -pid;
        return;
    }
    if (result->step == REACTOR_STEP_NONE && result->pidfd < 0) find_pidfd(pid, result);
    if (result->step == REACTOR_STEP_NONE) {
        result->pid = pid;
        return;
    }
    reap(pid);
    if (result->pidfd >= 0) close(result->pidfd);
    result->pidfd = -1;
}

// MARK: Beside the calling thread

/// What the child uses until it runs its program: one piece of memory, with copies of all that
/// the request points to behind it.
struct reactor_launch {
    struct shared shared;
    reactor_spawn_request request;
    reactor_spawn_result result;
    char stack[STACK_SIZE] __attribute__((aligned(64)));
};

static size_t vector_size(char *const *strings) {
    size_t size = sizeof *strings;
    for (; *strings; strings++) size += sizeof *strings + strlen(*strings) + 1;
    return size;
}

/// Copies `size` bytes to `*end`, which moves on, still aligned for pointers.
static void *copy(char **end, const void *bytes, size_t size) {
    char *start = *end;
    if (size) memcpy(start, bytes, size);
    *end += (size + 7) & ~(size_t)7;
    return start;
}

static char **copy_vector(char **end, char *const *strings) {
    size_t count = 0;
    while (strings[count]) count++;
    char **copies = copy(end, strings, (count + 1) * sizeof *strings);
    char *text = *end;
    for (size_t index = 0; index < count; index++) {
        size_t size = strlen(strings[index]) + 1;
        memcpy(text, strings[index], size);
        copies[index] = text;
        text += size;
    }
    *end += (text - *end + 7) & ~(size_t)7;
    return copies;
}

static reactor_launch *copy_request(const reactor_spawn_request *request) {
    char *const *environment = request->environment ? request->environment : environ;
    size_t moves = request->move_count * sizeof *request->moves;
    size_t limits = request->limit_count * sizeof *request->limits;
    size_t groups = request->group_count * sizeof *request->groups;
    size_t sources = (request->move_count + 1) * sizeof(int);
    size_t directory = request->directory ? strlen(request->directory) + 1 : 0;
    size_t size = vector_size(request->programs) + vector_size(request->arguments)
        + vector_size(environment) + moves + limits + groups + sources + directory
        + 16 * sizeof(uint64_t);
    reactor_launch *launch = aligned_alloc(64, (sizeof *launch + size + 63) & ~(size_t)63);
    if (!launch) return NULL;
    char *end = (char *)(launch + 1);
    launch->request = *request;
    launch->request.programs = copy_vector(&end, request->programs);
    launch->request.arguments = copy_vector(&end, request->arguments);
    launch->request.environment = copy_vector(&end, environment);
    launch->request.moves = copy(&end, request->moves, moves);
    launch->request.limits = copy(&end, request->limits, limits);
    launch->request.groups = copy(&end, request->groups, groups);
    if (directory) launch->request.directory = copy(&end, request->directory, directory);
    memset(&launch->result, 0, sizeof launch->result);
    launch->shared = reactor_share(&launch->request, &launch->result, (int *)end);
    return launch;
}

reactor_launch *reactor_launch_begin(
    const reactor_spawn_request *request, reactor_spawn_result *result, int *through) {
    memset(result, 0, sizeof *result);
    result->step = REACTOR_STEP_FORK;
    result->pidfd = -1;
    *through = -1;
    if (!RAW_CALLS) {
        result->error = ENOSYS;
        return NULL;
    }
    reactor_launch *launch = copy_request(request);
    int ends[2];
    if (!launch || pipe2(ends, O_CLOEXEC) < 0) {
        result->error = launch ? errno : ENOMEM;
        free(launch);
        return NULL;
    }
    launch->shared.writer = ends[1];
    char *stack_end = launch->stack + sizeof launch->stack;
    pid_t pid = reactor_start_child(&launch->shared, stack_end, CLONE_PIDFD, &result->pidfd);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        free(launch);
        result->pidfd = -1;
        result->error = pid == -EINVAL ? ENOSYS : -pid;
        return NULL;
    }
    result->step = REACTOR_STEP_NONE;
    result->pid = pid;
    *through = ends[0];
    return launch;
}

void reactor_launch_end(reactor_launch *launch, reactor_spawn_result *result) {
    result->step = launch->result.step;
    result->error = launch->result.error;
    result->index = launch->result.index;
    free(launch);
}

#endif
