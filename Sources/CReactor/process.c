// What is asked about a process, and what is made for it: its end, signals, pipes, terminals.

#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/syscall.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CReactor.h"

static int64_t microseconds(struct timeval time) {
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static void fill(reactor_exit *exit, int code, int status, const struct rusage *usage) {
    exit->kind = code == CLD_EXITED ? 1 : code == CLD_DUMPED ? 3 : 2;
    exit->status = status;
    exit->user_microseconds = microseconds(usage->ru_utime);
    exit->system_microseconds = microseconds(usage->ru_stime);
    exit->minor_faults = usage->ru_minflt;
    exit->major_faults = usage->ru_majflt;
    exit->voluntary_switches = usage->ru_nvcsw;
    exit->involuntary_switches = usage->ru_nivcsw;
#if defined(__linux__)
    exit->peak_bytes = (int64_t)usage->ru_maxrss * 1024;
#else
    exit->peak_bytes = (int64_t)usage->ru_maxrss;
#endif
}

#if defined(__linux__)

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

int reactor_wait(int pidfd, pid_t pid, bool blocks, bool keep, reactor_exit *exit) {
    memset(exit, 0, sizeof *exit);
    siginfo_t info;
    struct rusage usage;
    memset(&info, 0, sizeof info);
    memset(&usage, 0, sizeof usage);
    int options = WEXITED | (blocks ? 0 : WNOHANG) | (keep ? WNOWAIT : 0);
    // The system call's fifth argument, which the library's waitid leaves out.
    while (syscall(SYS_waitid, pidfd >= 0 ? (int)P_PIDFD : (int)P_PID, pidfd >= 0 ? pidfd : pid,
                   &info, options, &usage) < 0) {
        if (errno == EAGAIN && !blocks) return 0;
        if (errno == EAGAIN) {
            // A pidfd in a loop's hands is non-blocking.
            struct pollfd request = {.fd = pidfd, .events = POLLIN};
            poll(&request, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    if (info.si_pid != 0) fill(exit, info.si_code, info.si_status, &usage);
    return 0;
}

int reactor_send_signal(int pidfd, pid_t pid, int number) {
    if (pidfd >= 0) {
        if (syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) == 0) return 0;
        if (errno != ENOSYS) return -errno;
    }
    return kill(pid, number) == 0 ? 0 : -errno;
}

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

int reactor_pidfd_open(pid_t pid) {
    long descriptor = syscall(SYS_pidfd_open, pid, 0);
    return descriptor < 0 ? -errno : (int)descriptor;
}

int reactor_child_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

#else

void reactor_spawn(const reactor_spawn_request *request, reactor_spawn_result *result) {
    (void)request;
    memset(result, 0, sizeof *result);
    result->pidfd = -1;
    result->step = REACTOR_STEP_FORK;
    result->error = ENOSYS;
}

reactor_launch *reactor_launch_begin(
    const reactor_spawn_request *request, reactor_spawn_result *result, int *through) {
    reactor_spawn(request, result);
    *through = -1;
    return NULL;
}

void reactor_launch_end(reactor_launch *launch, reactor_spawn_result *result) {
    (void)launch;
    (void)result;
}

int reactor_pidfd_open(pid_t pid) {
    (void)pid;
    return -ENOSYS;
}

int reactor_wait(int pidfd, pid_t pid, bool blocks, bool keep, reactor_exit *exit) {
    (void)pidfd;
    memset(exit, 0, sizeof *exit);
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    if (keep) {
        siginfo_t info;
        memset(&info, 0, sizeof info);
        int options = WEXITED | WNOWAIT | (blocks ? 0 : WNOHANG);
        if (waitid(P_PID, (id_t)pid, &info, options) < 0) return -errno;
        if (info.si_pid != 0) fill(exit, info.si_code, info.si_status, &usage);
        return 0;
    }
    int status;
    pid_t ended = wait4(pid, &status, blocks ? 0 : WNOHANG, &usage);
    if (ended < 0) return -errno;
    if (ended == 0) return 0;
    if (WIFEXITED(status)) fill(exit, CLD_EXITED, WEXITSTATUS(status), &usage);
    else fill(exit, WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED, WTERMSIG(status), &usage);
    return 0;
}

int reactor_send_signal(int pidfd, pid_t pid, int number) {
    (void)pidfd;
    return kill(pid, number) == 0 ? 0 : -errno;
}

int reactor_child_pipe(int ends[2]) {
    if (pipe(ends) < 0) return -1;
    for (int end = 0; end < 2; end++) fcntl(ends[end], F_SETFD, FD_CLOEXEC);
    return 0;
}

#endif

int reactor_open_terminal(
    unsigned short rows, unsigned short columns, int *controller, int *other) {
    char name[128];
    *controller = posix_openpt(O_RDWR | O_NOCTTY);
    if (*controller < 0) return -errno;
    fcntl(*controller, F_SETFD, FD_CLOEXEC);
    *other = -1;
    if (grantpt(*controller) == 0 && unlockpt(*controller) == 0) {
#if defined(__linux__)
        int error = ptsname_r(*controller, name, sizeof name);
        if (error != 0) errno = error;
#else
        const char *own = ptsname(*controller);
        int error = own && strlcpy(name, own, sizeof name) < sizeof name ? 0 : 1;
#endif
        if (error == 0) *other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    if (*other >= 0 && reactor_resize_terminal(*controller, rows, columns) == 0) return 0;
    int error = errno;
    if (*other >= 0) close(*other);
    close(*controller);
    return -error;
}

int reactor_resize_terminal(int controller, unsigned short rows, unsigned short columns) {
    struct winsize size;
    memset(&size, 0, sizeof size);
    size.ws_row = rows;
    size.ws_col = columns;
    return ioctl(controller, TIOCSWINSZ, &size) == 0 ? 0 : -errno;
}

int reactor_find_user(
    const char *name, uint32_t *user, uint32_t *group, uint32_t *groups, int capacity) {
    struct passwd entry, *found = NULL;
    char buffer[4096];
    int error = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);
    if (error != 0) return -error;
    if (!found) return 0;
    *user = entry.pw_uid;
    *group = entry.pw_gid;
    int count = capacity;
#if defined(__linux__)
    if (getgrouplist(name, entry.pw_gid, groups, &count) < 0) return -ERANGE;
#else
    if (getgrouplist(name, (int)entry.pw_gid, (int *)groups, &count) < 0) return -ERANGE;
#endif
    return count;
}

int reactor_readable_bytes(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) == 0 ? count : 0;
}

bool reactor_is_hung_up(int descriptor) {
    struct pollfd request = {.fd = descriptor, .events = POLLIN};
    return poll(&request, 1, 0) > 0 && (request.revents & (POLLHUP | POLLERR));
}
