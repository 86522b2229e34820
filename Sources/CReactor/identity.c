// Who runs this code: the loop of a thread, and the main thread's Dispatch queue.

#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/syscall.h>
#endif
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "CReactor.h"

static _Thread_local void *current_loop;

__attribute__((noinline)) void *reactor_current_loop(void) {
    // The barrier keeps link-time optimisation from treating the call as pure.
    __asm__ volatile("" ::: "memory");
    return current_loop;
}

__attribute__((noinline)) void reactor_set_current_loop(void *loop) {
    __asm__ volatile("" ::: "memory");
    current_loop = loop;
}

extern void *swift_task_getCurrent(void) __attribute__((swiftcall));

const void *reactor_current_task(void) { return swift_task_getCurrent(); }

uint64_t reactor_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct timespec timespec_of(uint64_t nanoseconds) {
    return (struct timespec){
        .tv_sec = (time_t)(nanoseconds / 1000000000u),
        .tv_nsec = (long)(nanoseconds % 1000000000u)};
}

#if defined(__linux__)

void reactor_condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void reactor_condition_wait(
    pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline, uint64_t now) {
    (void)now;
    struct timespec until = timespec_of(deadline);
    pthread_cond_timedwait(condition, mutex, &until);
}

bool reactor_is_main_thread(void) { return getpid() == (pid_t)syscall(SYS_gettid); }

// Dispatch's own hooks for a foreign main loop; weak, because a program need not link Dispatch.
extern int _dispatch_get_main_queue_handle_4CF(void) __attribute__((weak));
extern void _dispatch_main_queue_callback_4CF(void *) __attribute__((weak));

int reactor_main_queue_descriptor(void) {
    if (!_dispatch_get_main_queue_handle_4CF || !_dispatch_main_queue_callback_4CF) return -1;
    return _dispatch_get_main_queue_handle_4CF();
}

void reactor_main_queue_drain(void) {
    uint64_t count;
    int descriptor = _dispatch_get_main_queue_handle_4CF();
    while (read(descriptor, &count, sizeof count) < 0 && errno == EINTR) {
    }
    _dispatch_main_queue_callback_4CF(NULL);
}

#else

void reactor_condition_init(pthread_cond_t *condition) { pthread_cond_init(condition, NULL); }

void reactor_condition_wait(
    pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline, uint64_t now) {
    struct timespec rest = timespec_of(deadline > now ? deadline - now : 0);
    pthread_cond_timedwait_relative_np(condition, mutex, &rest);
}

bool reactor_is_main_thread(void) { return pthread_main_np() != 0; }
int reactor_main_queue_descriptor(void) { return -1; }
void reactor_main_queue_drain(void) {}

#endif

static _Thread_local char own_thread;

const void *reactor_thread(void) { return &own_thread; }
