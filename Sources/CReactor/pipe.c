// Writing to what is no socket, without SIGPIPE: blocked on the thread, taken away when it comes.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "CReactor.h"

/// True where this thread's mask was changed, to be changed back.
static _Thread_local bool has_blocked;

static sigset_t only_sigpipe(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

void reactor_block_sigpipe(void) {
    sigset_t set = only_sigpipe(), former;
    has_blocked = pthread_sigmask(SIG_BLOCK, &set, &former) == 0 && !sigismember(&former, SIGPIPE);
}

void reactor_unblock_sigpipe(void) {
    if (!has_blocked) return;
    has_blocked = false;
    sigset_t set = only_sigpipe();
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/// The signal of a failed write is pending on this thread: nobody is to get it, now or when the
/// mask is restored.
void reactor_take_sigpipe(void) {
    sigset_t set = only_sigpipe();
#if defined(__linux__)
    struct timespec at_once = {0, 0};
    while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR) {
    }
#else
    sigset_t pending;
    int number;
    if (sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE)) sigwait(&set, &number);
#endif
    errno = EPIPE;
}

ssize_t reactor_write(int descriptor, const void *bytes, size_t count) {
    ssize_t written = write(descriptor, bytes, count);
    if (written < 0 && errno == EPIPE) reactor_take_sigpipe();
    return written;
}

ssize_t reactor_write_vector(int descriptor, const struct iovec *parts, int count) {
    ssize_t written = writev(descriptor, parts, count);
    if (written < 0 && errno == EPIPE) reactor_take_sigpipe();
    return written;
}
