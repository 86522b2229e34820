// System calls by their instruction: a negated errno where they fail, and errno is left alone.
#ifndef CREACTOR_RAWCALL_H
#define CREACTOR_RAWCALL_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Sanitizers would keep books about a stack that nobody returns from.
#define CHILD_SIDE \
    __attribute__((noinline, unused, no_sanitize("address", "thread", "undefined"), \
                   disable_sanitizer_instrumentation))

#if defined(__x86_64__) && !defined(__ILP32__)
#define RAW_CALLS 1
static CHILD_SIDE long raw_call(long number, long a, long b, long c, long d, long e) {
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
#define RAW_CALLS 1
static CHILD_SIDE long raw_call(long number, long a, long b, long c, long d, long e) {
    register long call __asm__("x8") = number;
    register long result __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    register long fifth __asm__("x4") = e;
    __asm__ volatile("svc 0"
                     : "+r"(result)
                     : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(fifth)
                     : "memory");
    return result;
}
#else
// errno is the thread's: only while it sleeps.
#define RAW_CALLS 0
static CHILD_SIDE long raw_call(long number, long a, long b, long c, long d, long e) {
    long result = syscall(number, a, b, c, d, e);
    return result < 0 ? -errno : result;
}
#endif

#define RAW_PICK(number, a, b, c, d, e, ...) \
    raw_call((long)(number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
/// Up to five arguments; those that are left out are 0.
#define raw(...) RAW_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

#endif
