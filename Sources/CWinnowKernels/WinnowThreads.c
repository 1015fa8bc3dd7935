#define _GNU_SOURCE
#include "include/WinnowThreads.h"
#include "WinnowPool.h"
#include "WinnowTeam.h"
#include <stddef.h>

static atomic_int requested;

int winnow_thread_limit(void) { return WINNOW_THREAD_LIMIT; }

void winnow_set_thread_count(int count) {
    if (count > WINNOW_THREAD_LIMIT) count = WINNOW_THREAD_LIMIT;
    atomic_store_explicit(&requested, count, memory_order_relaxed);
}

int winnow_thread_count(void) {
    int count = atomic_load_explicit(&requested, memory_order_relaxed);
    return count > 0 ? count : winnow_available_cores();
}

void winnow_apply_thread_count(int count) { winnow_team_size = count; }

extern int blas_thread_shutdown_(void) __attribute__((weak));

/// OpenBLAS starts its threads when it is loaded, and each spins for millions of cycles; it starts them again where a call needs them.
__attribute__((constructor)) static void end_idle_threads(void) {
    if (blas_thread_shutdown_) blas_thread_shutdown_();
}

// A Swift closure `(Int) -> Void` is a function and its context, in Swift's calling convention.
typedef __attribute__((swiftcall)) void (*swift_body)(intptr_t part, __attribute__((swift_context)) void *context);

struct closure {
    swift_body body;
    void *context;
    intptr_t parts;
};

static void run_part(void *argument, int part, struct winnow_job *job) {
    const struct closure *closure = argument;
    // A job has at most as many parts as there may be threads: each then takes every n-th.
    for (intptr_t index = part; index < closure->parts; index += job->parts) closure->body(index, closure->context);
}

/// Calls `body(part)` for each part at once; the caller runs what no other thread has begun. For Swift only.
__attribute__((swiftcall)) void winnow_parallel(intptr_t parts, swift_body body, void *context) {
    struct closure closure = {body, context, parts};
    struct winnow_job job = {
        .body = run_part, .argument = &closure, .parts = (int)(parts < WINNOW_THREAD_LIMIT ? parts : WINNOW_THREAD_LIMIT)};
    winnow_job_begin(&job);
    run_part(&closure, 0, &job);
    winnow_job_end(&job);
}
