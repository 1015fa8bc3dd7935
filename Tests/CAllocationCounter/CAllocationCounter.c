#define _GNU_SOURCE
#include "CAllocationCounter.h"

#include <errno.h>  // brings __GLIBC__

// Of the thread that counts: others, the test library's among them, allocate when they like.
static _Thread_local long allocations;
static _Thread_local int counting;

void winnow_count_allocations_begin(void) {
    allocations = 0;
    counting = 1;
}

long winnow_count_allocations_end(void) {
    counting = 0;
    return allocations;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ALLOCATOR_OF_ITS_OWN
#endif
#endif

#if defined(__linux__) && defined(__GLIBC__) && !defined(HAS_ALLOCATOR_OF_ITS_OWN)
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

// Defined here, these replace the C library's in the whole test program.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static void note(void *caller) {
    if (!counting) return;
    Dl_info info;
    if (dladdr(caller, &info) && info.dli_fname) {
        const char *foreign[] = {"libdnnl", "libgomp", "libstdc++", "libc.so"};
        for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
            if (strstr(info.dli_fname, foreign[i])) return;
    }
    allocations++;
}

void *malloc(size_t size) {
    note(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    note(__builtin_return_address(0));
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    note(__builtin_return_address(0));
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    note(__builtin_return_address(0));
    *result = __libc_memalign(alignment, size);
    return *result ? 0 : ENOMEM;
}
#endif
