// What the parent of a server may ask of it, beside the work.

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "CBaseline.h"

static void on_terminate(int number) {
    (void)number;
    _exit(0);
}

void cbaseline_end_on_sigterm(void) { signal(SIGTERM, on_terminate); }

static void *_Nullable answer(void *_Nullable unused) {
    (void)unused;
    char question;
    while (read(STDIN_FILENO, &question, 1) == 1) {
        char line[64];
        int length =
            snprintf(line, sizeof line, "allocations %lld\n", (long long)cbaseline_allocations());
        if (write(STDOUT_FILENO, line, (size_t)length) != length) break;
    }
    _exit(0);
}

void cbaseline_answer_questions(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer, NULL) == 0) pthread_detach(thread);
}
