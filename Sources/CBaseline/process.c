// Starting, pinning and watching processes.

#ifdef __linux__
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

#include "CBaseline.h"

extern char **environ;

static int64_t clock_value(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0) return -1;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t cbaseline_now(void) { return clock_value(CLOCK_MONOTONIC); }

int64_t cbaseline_own_cpu(void) { return clock_value(CLOCK_PROCESS_CPUTIME_ID); }

static int make_pipe(int ends[2]) {
    if (pipe(ends) != 0) return errno;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

int cbaseline_spawn(
    const char *path, char *const *arguments, bool is_quiet, pid_t *process, int *input,
    int *output
) {
    int in[2], out[2];
    int failure = make_pipe(in);
    if (failure) return failure;
    failure = make_pipe(out);
    if (failure) {
        close(in[0]);
        close(in[1]);
        return failure;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    if (is_quiet)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    failure = posix_spawnp(process, path, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    if (failure) {
        close(in[1]);
        close(out[0]);
        return failure;
    }
    *input = in[1];
    *output = out[0];
    return 0;
}

int cbaseline_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1 << 20 ? 1 << 20 : (int)limit.rlim_cur;
}

#ifdef __linux__

bool cbaseline_own_path(char *buffer, size_t size) {
    ssize_t length = readlink("/proc/self/exe", buffer, size - 1);
    if (length <= 0) return false;
    buffer[length] = 0;
    return true;
}

static cpu_set_t allowed;
static bool is_allowed_known;

static void learn_allowed(void) {
    if (is_allowed_known) return;
    CPU_ZERO(&allowed);
    is_allowed_known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
}

bool cbaseline_pin(int core) {
    learn_allowed();
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

void cbaseline_unpin(void) {
    learn_allowed();
    sched_setaffinity(0, sizeof allowed, &allowed);
}

int cbaseline_core_count(void) {
    learn_allowed();
    return CPU_COUNT(&allowed);
}

int cbaseline_core(int index) {
    learn_allowed();
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &allowed) && index-- == 0) return core;
    return -1;
}

bool cbaseline_cpu_of(pid_t process, cbaseline_cpu *cpu) {
    clockid_t clock;
    if (clock_getcpuclockid(process, &clock) != 0) return false;
    cpu->total = clock_value(clock);
    char text[1024];
    snprintf(text, sizeof text, "/proc/%d/stat", (int)process);
    FILE *file = fopen(text, "re");
    if (!file) return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    // The program's name, in brackets, may hold anything; utime and stime are fields 14 and 15.
    char *rest = strrchr(text, ')');
    long long user, system;
    if (!rest
        || sscanf(
               rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &system)
               != 2)
        return false;
    cpu->user_ticks = user;
    cpu->system_ticks = system;
    return cpu->total >= 0;
}

int64_t cbaseline_private_memory(pid_t process) {
    char line[256];
    snprintf(line, sizeof line, "/proc/%d/smaps_rollup", (int)process);
    FILE *file = fopen(line, "re");
    if (!file) return -1;
    long long sum = 0, value;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Private_Dirty: %lld kB", &value) == 1) sum += value;
    fclose(file);
    return sum * 1024;
}

#else

bool cbaseline_own_path(char *buffer, size_t size) {
#ifdef __APPLE__
    uint32_t room = (uint32_t)size;
    return _NSGetExecutablePath(buffer, &room) == 0;
#else
    (void)buffer;
    (void)size;
    return false;
#endif
}

bool cbaseline_pin(int core) {
    (void)core;
    return false;
}
void cbaseline_unpin(void) {}
int cbaseline_core_count(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
int cbaseline_core(int index) { return index; }
bool cbaseline_cpu_of(pid_t process, cbaseline_cpu *cpu) {
    (void)process;
    (void)cpu;
    return false;
}
int64_t cbaseline_private_memory(pid_t process) {
    (void)process;
    return -1;
}

#endif
