// Starting a program, and what is asked of the process that it becomes.
#ifndef CREACTOR_SPAWN_H
#define CREACTOR_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

/// `source` of this process becomes `target` of the child. A negative source opens /dev/null.
typedef struct {
    int source;
    int target;
    /// It is this process's own descriptor of that number, if it has one for children.
    bool inherits;
} reactor_descriptor_move;

typedef struct {
    int resource;
    uint64_t soft;
    uint64_t hard;
} reactor_limit;

/// What fails a spawn.
enum reactor_step {
    REACTOR_STEP_NONE,
    REACTOR_STEP_FORK,
    REACTOR_STEP_WATCH,
    REACTOR_STEP_SESSION,
    REACTOR_STEP_GROUP,
    REACTOR_STEP_DESCRIPTOR,
    REACTOR_STEP_CLOSE,
    REACTOR_STEP_TERMINAL,
    REACTOR_STEP_LIMIT,
    REACTOR_STEP_NICENESS,
    REACTOR_STEP_GROUPS,
    REACTOR_STEP_GID,
    REACTOR_STEP_UID,
    REACTOR_STEP_DEATH_SIGNAL,
    REACTOR_STEP_DIRECTORY,
    REACTOR_STEP_PROGRAM,
};

typedef struct {
    /// Paths to try in order, ended by NULL.
    char *_Nullable const *_Nullable programs;
    char *_Nullable const *_Nullable arguments;
    /// NULL: this process's.
    char *_Nullable const *_Nullable environment;
    const char *_Nullable directory;
    const reactor_descriptor_move *_Nullable moves;
    size_t move_count;
    const reactor_limit *_Nullable limits;
    size_t limit_count;
    const uint32_t *_Nullable groups;
    size_t group_count;
    bool sets_groups;
    /// The rest is done where it is not negative.
    int64_t user;
    int64_t group;
    /// The process group to join; 0 for one of its own.
    int64_t process_group;
    int64_t umask;
    int64_t death_signal;
    /// The child's descriptor that becomes its controlling terminal.
    int terminal;
    bool new_session;
    bool sets_niceness;
    int niceness;
} reactor_spawn_request;

typedef struct {
    pid_t pid;
    /// -1 where the system has none.
    int pidfd;
    enum reactor_step step;
    int error;
    /// Which of the moves, limits or programs it was.
    size_t index;
} reactor_spawn_result;

/// Starts a program: returns once it runs, or with the step that failed and its errno, and no
/// child left. Blocks the calling thread until then. ENOSYS where the system is not Linux.
void reactor_spawn(const reactor_spawn_request *request, reactor_spawn_result *result);

/// A child on its way to its program, while its parent goes on.
typedef struct reactor_launch reactor_launch;

/// Begins the same, and does not wait: the request may go. `through`, the end of a pipe, hangs up
/// once the child runs its program, or has failed and ends; until then nothing may be freed. Where
/// this fails, with the step and the errno in `result`, there is no child: ENOSYS where the system
/// cannot do this.
reactor_launch *_Nullable reactor_launch_begin(
    const reactor_spawn_request *request, reactor_spawn_result *result, int *through);

/// Frees it, once `through` has hung up or the child is reaped. Tells the step that failed, if any:
/// the child is the caller's to reap.
void reactor_launch_end(reactor_launch *launch, reactor_spawn_result *result);

/// How a process ended, and what it used, its own waited-for children included.
typedef struct {
    /// 0: it runs. 1: exited. 2: killed by a signal. 3: the same, with a core.
    int kind;
    int status;
    int64_t user_microseconds;
    int64_t system_microseconds;
    int64_t peak_bytes;
    int64_t minor_faults;
    int64_t major_faults;
    int64_t voluntary_switches;
    int64_t involuntary_switches;
} reactor_exit;

/// Asks for the end of a child, by its pidfd where it is not negative, else by its pid. `keep`
/// leaves it to be asked again. Returns 0, or a negated errno.
int reactor_wait(int pidfd, pid_t pid, bool blocks, bool keep, reactor_exit *exit);

/// Returns a pidfd, or a negated errno.
int reactor_pidfd_open(pid_t pid);

/// Sends a signal, by pidfd where it is not negative. Returns 0, or a negated errno.
int reactor_send_signal(int pidfd, pid_t pid, int number);

/// A pipe whose ends children do not inherit. Blocking, for children to be given.
int reactor_child_pipe(int ends[_Nonnull 2]);

/// A new pseudo-terminal of that size: 0, or a negated errno and nothing open.
int reactor_open_terminal(
    unsigned short rows, unsigned short columns, int *controller, int *other);
int reactor_resize_terminal(int controller, unsigned short rows, unsigned short columns);

/// The user and group of that name, and the groups it is in: how many, or a negated errno; 0 and
/// `user` unchanged if there is none.
int reactor_find_user(
    const char *name, uint32_t *user, uint32_t *group, uint32_t *groups, int capacity);

/// The bytes that can be read now; 0 if that cannot be told.
int reactor_readable_bytes(int descriptor);
/// True if every writer of a pipe has gone.
bool reactor_is_hung_up(int descriptor);

#pragma clang assume_nonnull end

#endif
