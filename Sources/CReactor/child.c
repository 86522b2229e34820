// Starting a program on Linux: a child that shares this process's memory until it runs it.
//
// clone with CLONE_VM copies no page tables, so that a parent of many gigabytes starts a child as
// fast as a small one. Until the child has its own memory, or has failed and said why in memory
// that both see, it may do nothing that the parent would notice: it has a stack of its own, no
// signal can reach it, and it makes system calls only, by their instruction. The C library's
// functions would set the errno of the thread that they share, its setuid would tell the parent's
// threads, and sanitizers watch them.
//
// With CLONE_VFORK the calling thread sleeps meanwhile (reactor_spawn). Without, it goes on, and
// the end of a pipe tells when the child is through (reactor_launch).

#if defined(__linux__)
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "child.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_ON_EXEC 4u  // CLOSE_RANGE_CLOEXEC

extern char **environ;

#if defined(__GLIBC__)
// The name that no sanitizer intercepts.
extern int __clone(int (*)(void *), void *, int, void *, ...);
#define START_CHILD __clone
#else
#define START_CHILD clone
#endif

/// The kernel's signal set: all 64, those that the C library keeps for itself too.
static const uint64_t every_signal = ~(uint64_t)0;
static const uint64_t no_signal = 0;

static CHILD_SIDE _Noreturn void fail(
    struct shared *shared, enum reactor_step step, size_t index, int error) {
    shared->result->step = step;
    shared->result->index = index;
    shared->result->error = error;
    while (true) raw(SYS_exit_group, 127);
}

static CHILD_SIDE void check(struct shared *shared, enum reactor_step step, long status) {
    if (status < 0) fail(shared, step, 0, (int)-status);
}

static CHILD_SIDE void reset_signals(void) {
    // handler, flags, restorer, mask: all zero means the default. Static, because compilers clear
    // an array by memset, which a sanitizer takes for its own and books on the parent's thread.
    static const uint64_t action[8];
    for (int number = 1; number <= 64; number++)
        if (number != SIGKILL && number != SIGSTOP)
            raw(SYS_rt_sigaction, number, action, NULL, sizeof(uint64_t));
}

/// Marks what is open from 3 on, by the kernel's own list of it.
static CHILD_SIDE bool mark_listed(void) {
    long list = raw(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (list < 0) return false;
    union {
        char bytes[1024];
        uint64_t aligned;
    } entries;
    while (true) {
        long size = raw(SYS_getdents64, list, entries.bytes, sizeof entries.bytes);
        if (size <= 0) {
            raw(SYS_close, list);
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
            if (*digit == 0 && number > 2) raw(SYS_fcntl, number, F_SETFD, FD_CLOEXEC);
            offset += length;
        }
    }
}

/// From here on no descriptor above 2 survives the exec, but those that are moved.
static CHILD_SIDE void mark_descriptors(struct shared *shared) {
    if (raw(SYS_close_range, 3u, ~0u, CLOSE_ON_EXEC) == 0) return;
    // Before Linux 5.11, or where a sandbox does not know the call.
    if (mark_listed()) return;
    struct rlimit limit;
    check(shared, REACTOR_STEP_CLOSE, raw(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit));
    unsigned end = limit.rlim_cur > 1 << 20 ? 1 << 20 : (unsigned)limit.rlim_cur;
    for (unsigned number = 3; number < end; number++)
        raw(SYS_fcntl, number, F_SETFD, FD_CLOEXEC);
}

static CHILD_SIDE long open_null(void) {
    return raw(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
}

/// A source that another move would overwrite goes out of the way first.
static CHILD_SIDE int out_of_the_way(struct shared *shared, size_t index, long source) {
    if (source >= shared->lowest_free) return (int)source;
    long moved = raw(SYS_fcntl, source, F_DUPFD_CLOEXEC, shared->lowest_free);
    if (moved < 0) fail(shared, REACTOR_STEP_DESCRIPTOR, index, (int)-moved);
    return (int)moved;
}

static CHILD_SIDE void move_descriptors(struct shared *shared) {
    const reactor_spawn_request *request = shared->request;
    int *sources = shared->sources;
    // What tells the parent may not be overwritten.
    if (shared->writer >= 0) out_of_the_way(shared, 0, shared->writer);
    for (size_t index = 0; index < request->move_count; index++) {
        long source = request->moves[index].source;
        int target = request->moves[index].target;
        if (request->moves[index].inherits) {
            // Inherited. What is closed, or not meant for children (another open call got the
            // number), is replaced: programs do not expect to be without.
            long flags = raw(SYS_fcntl, source, F_GETFD);
            if (flags < 0 || flags & FD_CLOEXEC) source = -1;
        }
        if (source < 0) {
            source = open_null();
            if (source < 0) fail(shared, REACTOR_STEP_DESCRIPTOR, index, (int)-source);
        }
        sources[index] =
            source == target ? target : out_of_the_way(shared, index, source);
    }
    for (size_t index = 0; index < request->move_count; index++) {
        int target = request->moves[index].target;
        // In place already, and from there it inherits.
        long status = sources[index] == target
            ? raw(SYS_fcntl, target, F_SETFD, 0)
            : raw(SYS_dup3, sources[index], target, 0);
        if (status < 0) fail(shared, REACTOR_STEP_DESCRIPTOR, index, (int)-status);
    }
}

static CHILD_SIDE void change_rights(struct shared *shared) {
    const reactor_spawn_request *request = shared->request;
    for (size_t index = 0; index < request->limit_count; index++) {
        uint64_t pair[2] = {request->limits[index].soft, request->limits[index].hard};
        long status = raw(SYS_prlimit64, 0, request->limits[index].resource, pair, NULL);
        if (status < 0) fail(shared, REACTOR_STEP_LIMIT, index, (int)-status);
    }
    if (request->sets_niceness)
        check(shared, REACTOR_STEP_NICENESS,
              raw(SYS_setpriority, PRIO_PROCESS, 0, request->niceness));
    if (request->sets_groups)
        check(shared, REACTOR_STEP_GROUPS,
              raw(SYS_setgroups, request->group_count, request->groups));
    if (request->group >= 0)
        check(shared, REACTOR_STEP_GID,
              raw(SYS_setresgid, request->group, request->group, request->group));
    if (request->user >= 0)
        check(shared, REACTOR_STEP_UID,
              raw(SYS_setresuid, request->user, request->user, request->user));
    if (request->death_signal >= 0) {
        check(shared, REACTOR_STEP_DEATH_SIGNAL,
              raw(SYS_prctl, PR_SET_PDEATHSIG, request->death_signal, 0, 0, 0));
        // The parent may have died before that.
        if (raw(SYS_getppid) != shared->parent)
            while (true) raw(SYS_exit_group, 127);
    }
}

/// Tries the paths in order, as execvp does; a script without #! is an error.
static CHILD_SIDE _Noreturn void run_program(struct shared *shared) {
    char *const *programs = shared->request->programs;
    int error = ENOENT;
    size_t at = 0;
    for (size_t index = 0; programs[index]; index++) {
        long status =
            raw(SYS_execve, programs[index], shared->request->arguments, shared->environment);
        switch (-status) {
        case ENOENT:
        case ENOTDIR:
        case ESTALE:
        case ENODEV:
        case ETIMEDOUT:
            if (error == ENOENT && !programs[1]) error = (int)-status;
            break;
        case EACCES:
            // Reported if nothing better comes.
            if (error != EACCES) at = index;
            error = EACCES;
            break;
        default:
            fail(shared, REACTOR_STEP_PROGRAM, index, (int)-status);
        }
    }
    fail(shared, REACTOR_STEP_PROGRAM, at, error);
}

static CHILD_SIDE int child(void *argument) {
    struct shared *shared = argument;
    const reactor_spawn_request *request = shared->request;
    reset_signals();
    if (request->umask >= 0) raw(SYS_umask, request->umask);
    if (request->new_session) {
        check(shared, REACTOR_STEP_SESSION, raw(SYS_setsid));
    } else if (request->process_group >= 0) {
        check(shared, REACTOR_STEP_GROUP, raw(SYS_setpgid, 0, request->process_group));
    }
    mark_descriptors(shared);
    move_descriptors(shared);
    if (request->terminal >= 0)
        check(shared, REACTOR_STEP_TERMINAL,
              raw(SYS_ioctl, request->terminal, TIOCSCTTY, 0));
    change_rights(shared);
    if (request->directory)
        check(shared, REACTOR_STEP_DIRECTORY, raw(SYS_chdir, request->directory));
    raw(SYS_rt_sigprocmask, SIG_SETMASK, &no_signal, NULL, sizeof(uint64_t));
    run_program(shared);
}

struct shared reactor_share(
    const reactor_spawn_request *request, reactor_spawn_result *result, int *sources) {
    struct shared shared = {
        .request = request,
        .result = result,
        .environment = request->environment ? request->environment : environ,
        .parent = getpid(),
        .lowest_free = 3,
        .writer = -1,
        .sources = sources};
    for (size_t index = 0; index < request->move_count; index++)
        if (request->moves[index].target >= shared.lowest_free)
            shared.lowest_free = request->moves[index].target + 1;
    return shared;
}

pid_t reactor_start_child(struct shared *shared, char *stack_end, int flags, int *pidfd) {
    uint64_t former;
    *pidfd = -1;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every_signal, &former, sizeof former);
    pid_t pid = START_CHILD(child, stack_end, CLONE_VM | flags | SIGCHLD, shared, pidfd);
    int error = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &former, NULL, sizeof former);
    return pid < 0 ? -error : pid;
}

#endif
