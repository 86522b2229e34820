// Starting a program on Linux: a child that shares this process's memory until it runs it.
//
// clone with CLONE_VM and CLONE_VFORK copies no page tables, so that a parent of many gigabytes
// starts a child as fast as a small one; the calling thread sleeps until the child has its own
// memory, or has failed and said why in memory that both see. Until then the child may do nothing
// that the parent would notice later: it has a stack of its own and no signal can reach it; it
// makes system calls only, itself, because the C library's setuid would tell the parent's
// threads, and because sanitizers watch the library's functions.

#if defined(__linux__)
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif
#include "CReactor.h"

#if defined(__linux__)

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_ON_EXEC 4u  // CLOSE_RANGE_CLOEXEC

extern char **environ;

/// Sanitizers would keep books about a stack that nobody returns from.
#define CHILD_SIDE \
    __attribute__((noinline, no_sanitize("address", "thread", "undefined"), \
                   disable_sanitizer_instrumentation))

#if defined(__GLIBC__)
// The name that no sanitizer intercepts.
extern int __clone(int (*)(void *), void *, int, void *, ...);
#define START_CHILD __clone
#else
#define START_CHILD clone
#endif

struct shared {
    const reactor_spawn_request *request;
    reactor_spawn_result *result;
    char *const *environment;
    pid_t parent;
    int lowest_free;
};

/// The kernel's signal set: all 64, those that the C library keeps for itself too.
static const uint64_t every_signal = ~(uint64_t)0;
static const uint64_t no_signal = 0;

static CHILD_SIDE _Noreturn void fail(
    struct shared *shared, enum reactor_step step, size_t index, int error) {
    shared->result->step = step;
    shared->result->index = index;
    shared->result->error = error;
    while (true) syscall(SYS_exit_group, 127);
}

static CHILD_SIDE void check(struct shared *shared, enum reactor_step step, long status) {
    if (status < 0) fail(shared, step, 0, errno);
}

static CHILD_SIDE void reset_signals(void) {
    // handler, flags, restorer, mask: all zero means the default.
    uint64_t action[8] = {0};
    for (int number = 1; number <= 64; number++)
        if (number != SIGKILL && number != SIGSTOP)
            syscall(SYS_rt_sigaction, number, action, NULL, sizeof(uint64_t));
}

/// Marks what is open from 3 on, by the kernel's own list of it.
static CHILD_SIDE bool mark_listed(void) {
    long list = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (list < 0) return false;
    union {
        char bytes[1024];
        uint64_t aligned;
    } entries;
    while (true) {
        long size = syscall(SYS_getdents64, list, entries.bytes, sizeof entries.bytes);
        if (size <= 0) {
            syscall(SYS_close, list);
            return size == 0;
        }
        for (long offset = 0; offset < size;) {
            // d_ino and d_off of 8 bytes, d_reclen of 2, d_type of 1, then the name.
            const char *entry = entries.bytes + offset;
            unsigned short length;
            length = (unsigned short)((unsigned char)entry[16] | (unsigned char)entry[17] << 8);
            int number = 0;
            const char *digit = entry + 19;
            for (; *digit >= '0' && *digit <= '9'; digit++) number = number * 10 + (*digit - '0');
            if (*digit == 0 && number > 2) syscall(SYS_fcntl, number, F_SETFD, FD_CLOEXEC);
            offset += length;
        }
    }
}

/// From here on no descriptor above 2 survives the exec, but those that are moved.
static CHILD_SIDE void mark_descriptors(struct shared *shared) {
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_ON_EXEC) == 0) return;
    // Before Linux 5.11, or where a sandbox does not know the call.
    if (mark_listed()) return;
    struct rlimit limit = {.rlim_cur = 0};
    check(shared, REACTOR_STEP_CLOSE, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit));
    unsigned end = limit.rlim_cur > 1 << 20 ? 1 << 20 : (unsigned)limit.rlim_cur;
    for (unsigned number = 3; number < end; number++)
        syscall(SYS_fcntl, number, F_SETFD, FD_CLOEXEC);
}

static CHILD_SIDE long open_null(void) {
    return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
}

/// A source that another move would overwrite goes out of the way first.
static CHILD_SIDE int out_of_the_way(struct shared *shared, size_t index, long source) {
    if (source >= shared->lowest_free) return (int)source;
    long moved = syscall(SYS_fcntl, source, F_DUPFD_CLOEXEC, shared->lowest_free);
    if (moved < 0) fail(shared, REACTOR_STEP_DESCRIPTOR, index, errno);
    return (int)moved;
}

static CHILD_SIDE void move_descriptors(struct shared *shared, int *sources) {
    const reactor_spawn_request *request = shared->request;
    for (size_t index = 0; index < request->move_count; index++) {
        long source = request->moves[index].source;
        int target = request->moves[index].target;
        if (request->moves[index].inherits) {
            // Inherited. What is closed, or not meant for children (another open call got the
            // number), is replaced: programs do not expect to be without.
            long flags = syscall(SYS_fcntl, source, F_GETFD);
            if (flags < 0 || flags & FD_CLOEXEC) source = -1;
        }
        if (source < 0) {
            source = open_null();
            if (source < 0) fail(shared, REACTOR_STEP_DESCRIPTOR, index, errno);
        }
        sources[index] =
            source == target ? target : out_of_the_way(shared, index, source);
    }
    for (size_t index = 0; index < request->move_count; index++) {
        int target = request->moves[index].target;
        // In place already, and from there it inherits.
        long status = sources[index] == target
            ? syscall(SYS_fcntl, target, F_SETFD, 0)
            : syscall(SYS_dup3, sources[index], target, 0);
        if (status < 0) fail(shared, REACTOR_STEP_DESCRIPTOR, index, errno);
    }
}

static CHILD_SIDE void change_rights(struct shared *shared) {
    const reactor_spawn_request *request = shared->request;
    for (size_t index = 0; index < request->limit_count; index++) {
        uint64_t pair[2] = {request->limits[index].soft, request->limits[index].hard};
        if (syscall(SYS_prlimit64, 0, request->limits[index].resource, pair, NULL) < 0)
            fail(shared, REACTOR_STEP_LIMIT, index, errno);
    }
    if (request->sets_niceness)
        check(shared, REACTOR_STEP_NICENESS,
              syscall(SYS_setpriority, PRIO_PROCESS, 0, request->niceness));
    if (request->sets_groups)
        check(shared, REACTOR_STEP_GROUPS,
              syscall(SYS_setgroups, request->group_count, request->groups));
    if (request->group >= 0)
        check(shared, REACTOR_STEP_GID,
              syscall(SYS_setresgid, request->group, request->group, request->group));
    if (request->user >= 0)
        check(shared, REACTOR_STEP_UID,
              syscall(SYS_setresuid, request->user, request->user, request->user));
    if (request->death_signal >= 0) {
        check(shared, REACTOR_STEP_DEATH_SIGNAL,
              syscall(SYS_prctl, PR_SET_PDEATHSIG, request->death_signal, 0, 0, 0));
        // The parent may have died before that.
        if (syscall(SYS_getppid) != shared->parent)
            while (true) syscall(SYS_exit_group, 127);
    }
}

/// Tries the paths in order, as execvp does; a script without #! is an error.
static CHILD_SIDE _Noreturn void run_program(struct shared *shared) {
    char *const *programs = shared->request->programs;
    int error = ENOENT;
    size_t at = 0;
    for (size_t index = 0; programs[index]; index++) {
        syscall(SYS_execve, programs[index], shared->request->arguments, shared->environment);
        switch (errno) {
        case ENOENT:
        case ENOTDIR:
        case ESTALE:
        case ENODEV:
        case ETIMEDOUT:
            if (error == ENOENT && !programs[1]) error = errno;
            break;
        case EACCES:
            // Reported if nothing better comes.
            if (error != EACCES) at = index;
            error = EACCES;
            break;
        default:
            fail(shared, REACTOR_STEP_PROGRAM, index, errno);
        }
    }
    fail(shared, REACTOR_STEP_PROGRAM, at, error);
}

static CHILD_SIDE int child(void *argument) {
    struct shared *shared = argument;
    const reactor_spawn_request *request = shared->request;
    reset_signals();
    if (request->umask >= 0) syscall(SYS_umask, request->umask);
    if (request->new_session) {
        check(shared, REACTOR_STEP_SESSION, syscall(SYS_setsid));
    } else if (request->process_group >= 0) {
        check(shared, REACTOR_STEP_GROUP, syscall(SYS_setpgid, 0, request->process_group));
    }
    mark_descriptors(shared);
    int sources[request->move_count + 1];
    move_descriptors(shared, sources);
    if (request->terminal >= 0)
        check(shared, REACTOR_STEP_TERMINAL,
              syscall(SYS_ioctl, request->terminal, TIOCSCTTY, 0));
    change_rights(shared);
    if (request->directory)
        check(shared, REACTOR_STEP_DIRECTORY, syscall(SYS_chdir, request->directory));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signal, NULL, sizeof(uint64_t));
    run_program(shared);
}

static void reap(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static CHILD_SIDE pid_t start(struct shared *shared, int *pidfd) {
    // On this thread's own stack, below what it uses: it sleeps meanwhile.
    char stack[32 * 1024] __attribute__((aligned(64)));
    int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    *pidfd = -1;
    pid_t pid = START_CHILD(child, stack + sizeof stack, flags | CLONE_PIDFD, shared, pidfd);
    if (pid < 0 && (errno == EINVAL || errno == ENOSYS)) {
        *pidfd = -1;
        pid = START_CHILD(child, stack + sizeof stack, flags, shared, NULL);
    }
    return pid;
}

void reactor_spawn(const reactor_spawn_request *request, reactor_spawn_result *result) {
    struct shared shared = {
        .request = request,
        .result = result,
        .environment = request->environment ? request->environment : environ,
        .parent = getpid(),
        .lowest_free = 3};
    for (size_t index = 0; index < request->move_count; index++)
        if (request->moves[index].target >= shared.lowest_free)
            shared.lowest_free = request->moves[index].target + 1;
    memset(result, 0, sizeof *result);
    uint64_t former;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every_signal, &former, sizeof former);
    pid_t pid = start(&shared, &result->pidfd);
    int error = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &former, NULL, sizeof former);
    if (pid < 0) {
        result->pidfd = -1;
        result->step = REACTOR_STEP_FORK;
        result->error = error;
        return;
    }
    if (result->step == REACTOR_STEP_NONE && result->pidfd < 0) {
        result->pidfd = reactor_pidfd_open(pid);
        if (result->pidfd == -ENOSYS || result->pidfd == -EPERM) {
            result->pidfd = -1;
        } else if (result->pidfd < 0) {
            result->step = REACTOR_STEP_WATCH;
            result->error = -result->pidfd;
            result->pidfd = -1;
            kill(pid, SIGKILL);
        }
    }
    if (result->step != REACTOR_STEP_NONE) {
        reap(pid);
        if (result->pidfd >= 0) close(result->pidfd);
        result->pidfd = -1;
        return;
    }
    result->pid = pid;
}

#endif
