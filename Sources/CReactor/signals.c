// Catching signals: one handler for the process, which only notes what came and wakes a thread.

#if defined(__linux__)
#define _GNU_SOURCE
#include <semaphore.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "CReactor.h"

enum { SIGNALS = 64 };

// Bit n - 1 stands for signal n.
static _Atomic uint64_t pending;
static struct sigaction former[SIGNALS + 1];

static uint64_t bit_of(int number) { return (uint64_t)1 << (number - 1); }

#if defined(__linux__)

// A semaphore takes no descriptor: signals work where none is left.
static sem_t arrivals;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void make(void) { sem_init(&arrivals, 0, 0); }

static int prepare(void) { return pthread_once(&once, make); }
void reactor_signals_wake(void) { sem_post(&arrivals); }
void reactor_signals_wait(void) {
    while (sem_wait(&arrivals) < 0 && errno == EINTR) {
    }
}

#else

static int arrivals[2] = {-1, -1};

static int prepare(void) {
    if (arrivals[0] >= 0) return 0;
    if (pipe(arrivals) < 0) return errno;
    fcntl(arrivals[0], F_SETFD, FD_CLOEXEC);
    fcntl(arrivals[1], F_SETFD, FD_CLOEXEC);
    fcntl(arrivals[1], F_SETFL, O_NONBLOCK);
    return 0;
}
void reactor_signals_wake(void) {
    while (write(arrivals[1], "", 1) < 0 && errno == EINTR) {
    }
}
void reactor_signals_wait(void) {
    char bytes[64];
    while (read(arrivals[0], bytes, sizeof bytes) < 0 && errno == EINTR) {
    }
}

#endif

// Async-signal-safe: an atomic, sem_post or write, and what stood here before for SIGCHLD, which
// whoever else spawns children in this process depends on.
static void handle(int number, siginfo_t *info, void *context) {
    int saved = errno;
    if (!(atomic_fetch_or(&pending, bit_of(number)) & bit_of(number))) reactor_signals_wake();
    if (number == SIGCHLD) {
        const struct sigaction *before = &former[number];
        if (before->sa_flags & SA_SIGINFO) {
            if (before->sa_sigaction) before->sa_sigaction(number, info, context);
        } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
            before->sa_handler(number);
        }
    }
    errno = saved;
}

static bool is_ours(const struct sigaction *action) {
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == handle;
}

int reactor_signals_prepare(void) { return -prepare(); }

int reactor_signals_catch(int number) {
    if (number < 1 || number > SIGNALS) return -EINVAL;
    if (sigaction(number, NULL, &former[number]) < 0) return -errno;
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    action.sa_sigaction = handle;
    sigfillset(&action.sa_mask);
    // Left over from an earlier listener: nobody's any more.
    atomic_fetch_and(&pending, ~bit_of(number));
    return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

void reactor_signals_release(int number) {
    struct sigaction now;
    // Whoever has installed a handler since keeps it.
    if (sigaction(number, NULL, &now) < 0 || !is_ours(&now)) return;
    // One that was sent before, and that no thread has taken yet, would meet the former disposition
    // and end the process: ignoring discards it. Never SIGCHLD, whose children would be reaped.
    struct sigaction ignoring = {.sa_handler = SIG_IGN};
    if (number != SIGCHLD) sigaction(number, &ignoring, NULL);
    sigaction(number, &former[number], NULL);
}

uint64_t reactor_signals_take(void) { return atomic_exchange(&pending, 0); }

void reactor_signals_accept(uint64_t accepted) {
    sigset_t set;
    sigfillset(&set);
    for (int number = 1; number <= SIGNALS; number++) {
        if (accepted & bit_of(number)) sigdelset(&set, number);
    }
    pthread_sigmask(SIG_SETMASK, &set, NULL);
}
