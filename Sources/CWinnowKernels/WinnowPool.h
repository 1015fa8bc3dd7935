#ifndef WINNOW_POOL_H
#define WINNOW_POOL_H

#include <stdatomic.h>
#include <stdint.h>

// Work in numbered parts. The thread that brings it runs part 0, then every part that no other thread has begun, so that it
// never waits for a core that another program has; parts that wait for each other still meet, for a part is taken only by a
// thread that has nothing else to do, and there are as many threads as parts.
struct winnow_job {
    void (*body)(void *argument, int part, struct winnow_job *job);
    void *argument;
    /// What jobs have in common whose parts wait for each other, if they do; may be NULL.
    const void *kind;
    int parts;
    /// Under the pool's lock: the first part nobody has begun.
    int next;
    /// Parts that are not finished.
    atomic_int left;
    /// Threads that wait at a barrier inside, and how often all have met.
    atomic_int arrived;
    atomic_uint meetings;
    struct winnow_job *following;
    int64_t begun;
};

/// The most threads that are ever started.
#define WINNOW_THREAD_LIMIT 256

/// Shows a job to the other threads; `parts` is cut to the thread limit. Part 0 is the caller's.
void winnow_job_begin(struct winnow_job *job);

/// Runs what nobody has begun and waits for the rest; call after part 0.
void winnow_job_end(struct winnow_job *job);

/// Waits until every part has called it as often.
void winnow_job_meet(struct winnow_job *job);

#endif
