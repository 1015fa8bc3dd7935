#define _GNU_SOURCE
#include "WinnowPool.h"
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#define relax() __builtin_ia32_pause()
#else
#define relax() ((void)0)
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_is_there = PTHREAD_COND_INITIALIZER;
static pthread_cond_t something_finished = PTHREAD_COND_INITIALIZER;
// Under the lock: jobs with parts nobody has begun, oldest first, so that all parts of one begin before the next one's.
static struct winnow_job *first, *last;
static int workers, sleepers, waiters;
/// Counts jobs, so that idle threads see one come without taking the lock.
static atomic_uint jobs;

// Where other programs keep the cores busy, a part that another thread has begun can take as long as those programs run at a
// time, and threads that are woken come too late to help. Others are then not woken for a while: the caller does everything
// itself, as on one thread.
enum {
    spin_nanoseconds = 20000,
    /// How long a worker looks out for the next job: waking it costs more than most work between two jobs of a model.
    idle_nanoseconds = 200000,
    watch_nanoseconds = 1000000,
    /// After a wait.
    least_rest = 5000000,
    longest_rest = 320000000,
    /// After jobs in which nobody came to help though there was time.
    short_rest = 1000000,
    waking_nanoseconds = 60000,
    patience = 16,
};
static atomic_llong rests_until;
static long long rest = least_rest;
static int loneliness;
/// The core that the last job came from.
static atomic_int busy_core;

/// The number of the core that the thread runs on; below 0: not known.
#if defined(__linux__)
static int core(void) { return sched_getcpu(); }
#else
static int core(void) { return -1; }
#endif

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool is_resting(int64_t time) { return time < atomic_load_explicit(&rests_until, memory_order_relaxed); }

/// Under the lock: kinds of jobs whose parts were seen to wait for each other. Their parts must run at once, so that others are
/// woken for them always.
static const void *meeting[64];

static const void **place_of(const void *kind) {
    size_t place = ((uintptr_t)kind >> 4) % (sizeof meeting / sizeof *meeting);
    return &meeting[place];
}

static bool meets(const struct winnow_job *job) { return job->kind && *place_of(job->kind) == job->kind; }

/// Under the lock: the next part of a job; the job leaves the line with its last.
static int take(struct winnow_job *job) {
    int part = job->next++;
    if (job->next < job->parts) return part;
    struct winnow_job *before = NULL;
    for (struct winnow_job *other = first; other; before = other, other = other->following) {
        if (other != job) continue;
        if (before) before->following = job->following;
        else first = job->following;
        if (last == job) last = before;
        break;
    }
    return part;
}

static void finish(struct winnow_job *job) {
    // Whoever waits may return and take the job's memory away as soon as nothing is left.
    if (atomic_fetch_sub_explicit(&job->left, 1, memory_order_acq_rel) != 1) return;
    pthread_mutex_lock(&lock);
    if (waiters) pthread_cond_broadcast(&something_finished);
    pthread_mutex_unlock(&lock);
}

static void run(struct winnow_job *job, int part) {
    job->body(job->argument, part, job);
    finish(job);
}

static struct timespec deadline(long nanoseconds) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_nsec += nanoseconds;
    if (time.tv_nsec >= 1000000000) { time.tv_nsec -= 1000000000; time.tv_sec++; }
    return time;
}

/// Under the lock: so many threads that sleep; one that is woken at the beginning of a rest looks about while it lasts.
static void wake(int count) {
    if (count > sleepers) count = sleepers;
    while (count-- > 0) pthread_cond_signal(&work_is_there);
}

/// Spins until a job comes; not on the core of the one who would bring it.
static void look_out(unsigned seen) {
    int64_t start = now();
    int own = core();
    if (is_resting(start) || (own >= 0 && own == atomic_load_explicit(&busy_core, memory_order_relaxed))) return;
    while (atomic_load_explicit(&jobs, memory_order_acquire) == seen && now() - start < idle_nanoseconds) relax();
}

static void *work(void *unused) {
    (void)unused;
    unsigned seen = atomic_load(&jobs);
    for (;;) {
        look_out(seen);
        pthread_mutex_lock(&lock);
        for (;;) {
            // While others are not woken, one looks now and then for a job whose parts wait for each other.
            bool watches = is_resting(now());
            if (first && (!watches || meets(first) || now() - first->begun > watch_nanoseconds)) break;
            sleepers++;
            if (watches) {
                struct timespec time = deadline(watch_nanoseconds);
                pthread_cond_timedwait(&work_is_there, &lock, &time);
            } else {
                pthread_cond_wait(&work_is_there, &lock);
            }
            sleepers--;
        }
        struct winnow_job *job = first;
        int part = take(job);
        if (is_resting(now())) {
            // Its caller is held up: by a part that nobody has begun, or for want of a core.
            if (job->kind) *place_of(job->kind) = job->kind;
            if (first == job) wake(job->parts - job->next);
        }
        pthread_mutex_unlock(&lock);
        run(job, part);
        seen = atomic_load(&jobs);
    }
    return NULL;
}

/// Under the lock: so many threads beside the callers.
static void start_workers(int count) {
    if (workers >= count) return;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 8 << 20);
    pthread_t thread;
    while (workers < count && pthread_create(&thread, &attributes, work, NULL) == 0) workers++;
    pthread_attr_destroy(&attributes);
}

void winnow_job_begin(struct winnow_job *job) {
    job->next = 1;
    job->following = NULL;
    atomic_init(&job->arrived, 0);
    atomic_init(&job->meetings, 0);
    if (job->parts <= 1) { atomic_init(&job->left, 1); return; }
    job->begun = now();
    atomic_store_explicit(&busy_core, core(), memory_order_relaxed);
    pthread_mutex_lock(&lock);
    start_workers((job->parts < WINNOW_THREAD_LIMIT ? job->parts : WINNOW_THREAD_LIMIT) - 1);
    atomic_init(&job->left, job->parts);
    if (last) last->following = job;
    else first = job;
    last = job;
    atomic_fetch_add_explicit(&jobs, 1, memory_order_release);
    if (!is_resting(job->begun) || meets(job)) wake(job->parts - 1);
    pthread_mutex_unlock(&lock);
}

static void wait_for(struct winnow_job *job) {
    int64_t start = now();
    while (now() - start < spin_nanoseconds) {
        for (int round = 0; round < 64; round++) {
            if (atomic_load_explicit(&job->left, memory_order_acquire) == 0) goto met;
            relax();
        }
    }
    pthread_mutex_lock(&lock);
    waiters++;
    while (atomic_load_explicit(&job->left, memory_order_acquire) > 0) pthread_cond_wait(&something_finished, &lock);
    waiters--;
    pthread_mutex_unlock(&lock);
    return;
met:
    // The thread that finished last may still hold the lock it tells it under; nothing of the job is touched there.
    return;
}

/// Under the lock: decides on a rest. `own` is what the caller worked, `waited` what it then waited for others.
static void learn(int64_t time, int64_t own, int64_t waited) {
    if (waited > 300000 && waited > 2 * own) {
        atomic_store_explicit(&rests_until, time + rest, memory_order_relaxed);
        rest = rest * 4 < longest_rest ? rest * 4 : longest_rest;
        wake(1);
    } else if (rest > least_rest) {
        rest -= rest / 64;
    }
    loneliness = 0;
}

/// Under the lock: the same after a job that the caller did alone.
static void learn_alone(int64_t time, int64_t own) {
    if (is_resting(time)) return;
    loneliness += own > waking_nanoseconds ? patience / 4 : 1;
    if (loneliness < patience) return;
    loneliness = 0;
    atomic_store_explicit(&rests_until, time + short_rest, memory_order_relaxed);
    wake(1);
}

void winnow_job_end(struct winnow_job *job) {
    if (job->parts <= 1) return;
    atomic_fetch_sub_explicit(&job->left, 1, memory_order_acq_rel);
    int taken = 1;
    for (;; taken++) {
        pthread_mutex_lock(&lock);
        int part = job->next < job->parts ? take(job) : -1;
        if (part < 0 && taken == job->parts) { int64_t time = now(); learn_alone(time, time - job->begun); }
        pthread_mutex_unlock(&lock);
        if (part < 0) break;
        job->body(job->argument, part, job);
        atomic_fetch_sub_explicit(&job->left, 1, memory_order_acq_rel);
    }
    if (taken == job->parts) return;
    int64_t start = now();
    wait_for(job);
    int64_t end = now();
    pthread_mutex_lock(&lock);
    learn(end, start - job->begun, end - start);
    pthread_mutex_unlock(&lock);
}

void winnow_job_meet(struct winnow_job *job) {
    unsigned meeting = atomic_load_explicit(&job->meetings, memory_order_acquire);
    if (atomic_fetch_add_explicit(&job->arrived, 1, memory_order_acq_rel) + 1 == job->parts) {
        atomic_store_explicit(&job->arrived, 0, memory_order_relaxed);
        atomic_fetch_add_explicit(&job->meetings, 1, memory_order_release);
        pthread_mutex_lock(&lock);
        if (waiters) pthread_cond_broadcast(&something_finished);
        pthread_mutex_unlock(&lock);
        return;
    }
    pthread_mutex_lock(&lock);
    if (job->next < job->parts) wake(job->parts);
    pthread_mutex_unlock(&lock);
    int64_t start = now();
    while (now() - start < spin_nanoseconds) {
        for (int round = 0; round < 64; round++) {
            if (atomic_load_explicit(&job->meetings, memory_order_acquire) != meeting) return;
            relax();
        }
    }
    pthread_mutex_lock(&lock);
    waiters++;
    while (atomic_load_explicit(&job->meetings, memory_order_acquire) == meeting) pthread_cond_wait(&something_finished, &lock);
    waiters--;
    pthread_mutex_unlock(&lock);
}
