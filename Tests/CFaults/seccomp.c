// System calls that the kernel itself refuses, for this process and all that it starts.

#if defined(__linux__)
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "CFaults.h"

#if defined(__linux__)

static const int numbers[] = {
    [FAULTS_KERNEL_CLONE] = SYS_clone,
    [FAULTS_KERNEL_PIDFD_OPEN] = 434,
    [FAULTS_KERNEL_CLOSE_RANGE] = 436,
    [FAULTS_KERNEL_PIPE2] = SYS_pipe2,
    [FAULTS_KERNEL_DUP3] = SYS_dup3,
    [FAULTS_KERNEL_SETSID] = SYS_setsid,
    [FAULTS_KERNEL_SETPGID] = SYS_setpgid,
    [FAULTS_KERNEL_CHDIR] = SYS_chdir,
    [FAULTS_KERNEL_EXECVE] = SYS_execve,
    [FAULTS_KERNEL_SETPRIORITY] = SYS_setpriority,
    [FAULTS_KERNEL_SPLICE] = SYS_splice,
    [FAULTS_KERNEL_SENDFILE] = SYS_sendfile,
    [FAULTS_KERNEL_PREADV2] = SYS_preadv2,
};

static bool install(struct sock_filter *filter, unsigned short length) {
    struct sock_fprog program = {.len = length, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

bool faults_refuse(enum faults_kernel_call call, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[call], 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, sizeof filter / sizeof *filter);
}

bool faults_refuse_flag(enum faults_kernel_call call, unsigned flag, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[call], 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, sizeof filter / sizeof *filter);
}

bool faults_refuse_argument(
    enum faults_kernel_call call, int index, unsigned value, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[call], 0, 3),
        BPF_STMT(
            BPF_LD | BPF_W | BPF_ABS,
            (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (unsigned)index)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, sizeof filter / sizeof *filter);
}

#else

bool faults_refuse_argument(
    enum faults_kernel_call call, int index, unsigned value, int error) { return false; }
bool faults_refuse(enum faults_kernel_call call, int error) { return false; }
bool faults_refuse_flag(enum faults_kernel_call call, unsigned flag, int error) { return false; }

#endif
