// A child between clone and exec: what it shares with its parent.
#ifndef CREACTOR_CHILD_H
#define CREACTOR_CHILD_H

#include "CReactor.h"
#include "rawcall.h"

#define STACK_SIZE (16 * 1024)

struct shared {
    const reactor_spawn_request *request;
    reactor_spawn_result *result;
    char *const *environment;
    pid_t parent;
    int lowest_free;
    /// Closed by the exec, or with the child's end; -1 where the parent sleeps.
    int writer;
    /// Where the moves' sources are, once they are out of the way.
    int *sources;
};

struct shared reactor_share(
    const reactor_spawn_request *request, reactor_spawn_result *result, int *sources);

/// Returns the child, or a negated errno. No signal can reach it before it is ready.
pid_t reactor_start_child(struct shared *shared, char *stack_end, int flags, int *pidfd);

#endif
