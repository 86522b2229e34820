// Faults on demand: system calls of the test process that fail, or do less, when a test says so.
//
// The executable's own definitions come before the C library's, for libuv too, so nothing has to
// be preloaded. They belong to the whole process: for exit tests only.
#ifndef CFAULTS_H
#define CFAULTS_H

#include <stddef.h>

enum faults_call {
    FAULTS_RECV,
    FAULTS_SEND,
    FAULTS_SENDMSG,
    FAULTS_ACCEPT,
    FAULTS_CONNECT,
    FAULTS_GETSOCKOPT,
    FAULTS_EPOLL_ADD,
    FAULTS_CALLS
};

/// The next `times` calls fail with `error`.
void faults_fail(enum faults_call call, int error, long times);

/// Every `n`th call fails with `error`, counted from now; the second kind works beside it, on a
/// count of its own. 0 ends it.
void faults_fail_every(enum faults_call call, int error, long n);
void faults_fail_every_second_kind(enum faults_call call, int error, long n);

/// recv, send and sendmsg move at most so many bytes; 0: no limit.
void faults_limit_bytes(size_t count);

/// Calls made since the process began, failed ones too.
long faults_count(enum faults_call call);

/// Gives the calling thread a network of its own, with no interface up. 0 if it has one now.
int faults_leave_network(void);

#endif
