#define _GNU_SOURCE
#include "include/WinnowThreads.h"
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>

/// The cores that a control group's quota amounts to, rounded up; 0 where there is none.
static int quota(void) {
    long long limit = 0, period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
    int known = file && fscanf(file, "%lld %lld", &limit, &period) == 2;
    if (file) fclose(file);
    if (!known) {
        FILE *limits = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r"), *periods = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
        known = limits && periods && fscanf(limits, "%lld", &limit) == 1 && fscanf(periods, "%lld", &period) == 1;
        if (limits) fclose(limits);
        if (periods) fclose(periods);
    }
    return known && limit > 0 && period > 0 ? (int)((limit + period - 1) / period) : 0;
}

static int allowed(void) {
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    int share = quota();
    return share > 0 && share < cores ? share : cores;
}
#else
static int allowed(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
#endif

int winnow_available_cores(void) {
    static atomic_int known;
    int cores = atomic_load_explicit(&known, memory_order_relaxed);
    if (cores == 0) {
        cores = allowed();
        if (cores < 1) cores = 1;
        atomic_store_explicit(&known, cores, memory_order_relaxed);
    }
    return cores;
}
