// Counts heap allocations: the C library's allocator behind functions of its own name.
//
// A definition in the executable takes precedence over the one in the C library for every library
// in the process. Counting is switched on by the first question, so that it costs other runs one
// predicted branch.

#include "CBaseline.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CBASELINE_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) || (defined(__linux__) && __has_include(<gnu/libc-version.h>))
#ifndef CBASELINE_SANITIZED
#define CBASELINE_COUNTS 1
#endif
#endif

#ifdef CBASELINE_COUNTS

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_bool is_counting;
static _Atomic int64_t allocations;

static inline void count(void) {
    if (__builtin_expect(atomic_load_explicit(&is_counting, memory_order_relaxed), 0))
        atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
}

void *_Nullable malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *_Nullable calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *_Nullable realloc(void *_Nullable old, size_t size) {
    count();
    return __libc_realloc(old, size);
}

void *_Nullable memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *_Nullable aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void *_Nullable *_Nonnull memory, size_t alignment, size_t size) {
    count();
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

int64_t cbaseline_allocations(void) {
    atomic_store(&is_counting, true);
    return atomic_load(&allocations);
}

void cbaseline_give_back(void) { malloc_trim(0); }

#else

int64_t cbaseline_allocations(void) { return -1; }

void cbaseline_give_back(void) {}

#endif
