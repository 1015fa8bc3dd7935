#define _GNU_SOURCE
#include "include/WinnowThreads.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

// OpenMP comes with oneDNN (libgomp, or libomp which has the same entry points); it is looked up, not linked.
typedef void (*parallel_function)(void (*)(void *), void *, unsigned, unsigned);
static parallel_function gomp_parallel;
static void (*set_num_threads)(int);
static int (*get_max_threads)(void);
static int (*get_thread_num)(void);
static int (*get_num_threads)(void);
static atomic_int requested;
static int available = 1;

__attribute__((constructor)) static void find_openmp(void) {
    gomp_parallel = (parallel_function)dlsym(RTLD_DEFAULT, "GOMP_parallel");
    set_num_threads = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    get_max_threads = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    get_thread_num = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_thread_num");
    get_num_threads = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_num_threads");
    if (!gomp_parallel || !set_num_threads || !get_max_threads || !get_thread_num || !get_num_threads)
        gomp_parallel = NULL;
    else
        available = get_max_threads();
}

void winnow_set_thread_count(int count) { atomic_store_explicit(&requested, count, memory_order_relaxed); }

int winnow_thread_count(void) {
    int count = atomic_load_explicit(&requested, memory_order_relaxed);
    if (!gomp_parallel) return 1;
    return count > 0 ? count : available;
}

void winnow_apply_thread_count(int count) {
    if (gomp_parallel && get_max_threads() != count) set_num_threads(count);
}

// A Swift closure `(Int) -> Void` is a function and its context, in Swift's calling convention.
typedef __attribute__((swiftcall)) void (*swift_body)(intptr_t part, __attribute__((swift_context)) void *context);

struct job {
    swift_body body;
    void *context;
    intptr_t parts;
};

static void run_parts(void *argument) {
    const struct job *job = argument;
    // OpenMP may give fewer threads than asked for: each takes every n-th part.
    intptr_t threads = get_num_threads();
    for (intptr_t part = get_thread_num(); part < job->parts; part += threads) job->body(part, job->context);
}

/// Calls `body(part)` for each part at once, on OpenMP's threads; in turn if there is no OpenMP. For Swift only.
__attribute__((swiftcall)) void winnow_parallel(intptr_t parts, swift_body body, void *context) {
    struct job job = {body, context, parts};
    if (gomp_parallel && parts > 1) {
        // The whole team, whatever the parts: a smaller one would end the threads left over.
        gomp_parallel(run_parts, &job, 0, 0);
    } else {
        for (intptr_t part = 0; part < parts; part++) body(part, context);
    }
}

static int has(char **environment, const char *name) {
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') return 1;
    return 0;
}

void winnow_restart_with_few_spins(char **arguments, char **environment) {
    char path[PATH_MAX];
    if (!environment) environment = environ;
    int spins = has(environment, "GOMP_SPINCOUNT") || has(environment, "OMP_WAIT_POLICY");
    int pool = has(environment, "OPENBLAS_NUM_THREADS");
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if ((spins && pool) || length <= 0) return;
    path[length] = 0;
    size_t count = 0;
    while (environment[count]) count++;
    char *changed[count + 3];
    memcpy(changed, environment, count * sizeof *changed);
    // About 0.1 ms: longer than the gap between two kernels, shorter than anyone notices.
    if (!spins) changed[count++] = "GOMP_SPINCOUNT=10000";
    // LAPACK's threads are started where it is called.
    if (!pool) changed[count++] = "OPENBLAS_NUM_THREADS=1";
    changed[count] = NULL;
    execve(path, arguments, changed);
}
