// O_NONBLOCK of the standard streams, as it was before this library set it.

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "CReactor.h"

enum { STANDARD_STREAMS = 3 };

static struct {
    bool is_kept;
    int former;
    dev_t device;
    ino_t file;
} kept[STANDARD_STREAMS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool has_exit_handler;

static void put_back(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags >= 0) {
        fcntl(descriptor, F_SETFL, (flags & ~O_NONBLOCK) | (kept[descriptor].former & O_NONBLOCK));
    }
}

/// The kept stream that is the same file as `descriptor`, or -1: a terminal is often all three.
static int twin(int descriptor) {
    for (int other = 0; other < STANDARD_STREAMS; other++) {
        if (other != descriptor && kept[other].is_kept &&
            kept[other].device == kept[descriptor].device &&
            kept[other].file == kept[descriptor].file) {
            return other;
        }
    }
    return -1;
}

static void put_back_all(void) {
    pthread_mutex_lock(&lock);
    for (int descriptor = 0; descriptor < STANDARD_STREAMS; descriptor++) {
        if (kept[descriptor].is_kept) put_back(descriptor);
    }
    pthread_mutex_unlock(&lock);
}

void reactor_keep_flags(int descriptor) {
    if (descriptor < 0 || descriptor >= STANDARD_STREAMS) return;
    struct stat status;
    pthread_mutex_lock(&lock);
    int flags = fcntl(descriptor, F_GETFL);
    if (flags >= 0 && fstat(descriptor, &status) == 0) {
        kept[descriptor].device = status.st_dev;
        kept[descriptor].file = status.st_ino;
        int other = twin(descriptor);
        // What the twin has now was set by this library.
        kept[descriptor].former = other >= 0 ? kept[other].former : flags;
        kept[descriptor].is_kept = true;
        if (!has_exit_handler) has_exit_handler = atexit(put_back_all) == 0;
    }
    pthread_mutex_unlock(&lock);
}

void reactor_restore_flags(int descriptor) {
    if (descriptor < 0 || descriptor >= STANDARD_STREAMS) return;
    pthread_mutex_lock(&lock);
    if (kept[descriptor].is_kept) {
        // The last of twins does it: the other still relies on what was set.
        if (twin(descriptor) < 0) put_back(descriptor);
        kept[descriptor].is_kept = false;
    }
    pthread_mutex_unlock(&lock);
}
