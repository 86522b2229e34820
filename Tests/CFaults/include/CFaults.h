// Faults on demand: system calls of the test process that fail, or do less, when a test says so.
//
// The executable's own definitions come before the C library's, for libuv too, so nothing has to
// be preloaded. They belong to the whole process: for exit tests only.
#ifndef CFAULTS_H
#define CFAULTS_H

#include <stdbool.h>
#include <stddef.h>

enum faults_call {
    FAULTS_RECV,
    FAULTS_SEND,
    FAULTS_SENDMSG,
    FAULTS_SENDTO,
    FAULTS_SENDMMSG,
    FAULTS_RECVMMSG,
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

/// Messages that are to be cut up (UDP_SEGMENT) fail with `error`, alone; 0 ends it.
void faults_fail_segmented(int error);

/// Messages that sendmmsg was asked to cut up, or sendmsg.
long faults_segmented_count(void);

/// recv, send and sendmsg move at most so many bytes; 0: no limit.
void faults_limit_bytes(size_t count);

/// Calls made since the process began, failed ones too.
long faults_count(enum faults_call call);

/// Gives the calling thread a network of its own, with no interface up. 0 if it has one now.
int faults_leave_network(void);

/// System calls as the kernel numbers them, wherever they are made.
enum faults_kernel_call {
    FAULTS_KERNEL_CLONE,
    FAULTS_KERNEL_PIDFD_OPEN,
    FAULTS_KERNEL_CLOSE_RANGE,
    FAULTS_KERNEL_PIPE2,
    FAULTS_KERNEL_DUP3,
    FAULTS_KERNEL_SETSID,
    FAULTS_KERNEL_SETPGID,
    FAULTS_KERNEL_CHDIR,
    FAULTS_KERNEL_EXECVE,
    FAULTS_KERNEL_SETPRIORITY,
    FAULTS_KERNEL_SPLICE,
    FAULTS_KERNEL_SENDFILE,
    FAULTS_KERNEL_PREADV2,
};

/// From now on the kernel answers that call with `error`, in this process and its children. False
/// where it does not take such rules.
bool faults_refuse(enum faults_kernel_call call, int error);

/// The same where the first argument has that flag.
bool faults_refuse_flag(enum faults_kernel_call call, unsigned flag, int error);

/// The same where the argument of that index is `value`.
bool faults_refuse_argument(
    enum faults_kernel_call call, int index, unsigned value, int error);

#endif
