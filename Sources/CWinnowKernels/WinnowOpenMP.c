// What oneDNN's build for GNU OpenMP asks of OpenMP, with this library's pool behind it. The pointers through which oneDNN calls
// libgomp are set to these functions; nobody else's calls change.
#define _GNU_SOURCE
#include "WinnowPool.h"
#include "WinnowTeam.h"
#include "include/WinnowThreads.h"
#include <stdbool.h>
#include <stddef.h>

_Thread_local int winnow_team_size;

#if defined(__linux__)
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/// What the calling thread is in a parallel region.
struct member {
    struct winnow_job *job;
    int number;
    int count;
    /// Of a loop with a static schedule: the next round of blocks.
    long trip;
};
static _Thread_local struct member member = {.count = 1};

/// A region that has begun and whose end is another call.
struct region {
    struct winnow_job job;
    void (*function)(void *);
    void *data;
    struct member outer;
};
enum { deepest = 8 };
static _Thread_local struct region regions[deepest];
static _Thread_local int depth;

static void run_member(void *argument, int part, struct winnow_job *job) {
    const struct region *region = argument;
    struct member before = member;
    member = (struct member){.job = job, .number = part, .count = job->parts};
    region->function(region->data);
    member = before;
}

static void begin(struct region *region, void (*function)(void *), void *data, unsigned threads) {
    int count = threads ? (int)threads : winnow_team_size > 0 ? winnow_team_size : winnow_thread_count();
    if (member.job || count < 1) count = 1;
    if (count > WINNOW_THREAD_LIMIT) count = WINNOW_THREAD_LIMIT;
    region->function = function;
    region->data = data;
    region->outer = member;
    region->job = (struct winnow_job){.body = run_member, .argument = region, .kind = (const void *)(uintptr_t)function, .parts = count};
    winnow_job_begin(&region->job);
    member = (struct member){.job = &region->job, .number = 0, .count = count};
}

static void end(struct region *region) {
    member = region->outer;
    winnow_job_end(&region->job);
}

static void parallel_start(void (*function)(void *), void *data, unsigned threads) {
    if (depth < deepest) begin(&regions[depth], function, data, threads);
    depth++;
}

static void parallel_end(void) {
    depth--;
    if (depth < deepest) end(&regions[depth]);
}

static void parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags) {
    (void)flags;
    struct region region;
    begin(&region, function, data, threads);
    function(data);
    end(&region);
}

static void barrier(void) {
    if (member.job && member.count > 1) winnow_job_meet(member.job);
}

static _Thread_local struct { long start, end, step, size; } loop;

// A static schedule: without a block size one block for each thread, else blocks in turn.
static bool loop_static_next(long *from, long *to) {
    long count = (loop.end - loop.start + loop.step + (loop.step > 0 ? -1 : 1)) / loop.step, first, last;
    if (count < 0) count = 0;
    if (loop.size <= 0) {
        if (member.trip > 0) return false;
        long each = count / member.count, more = count % member.count;
        first = member.number * each + (member.number < more ? member.number : more);
        last = first + each + (member.number < more);
    } else {
        first = (member.trip * member.count + member.number) * loop.size;
        last = first + loop.size < count ? first + loop.size : count;
    }
    member.trip++;
    if (first >= last) return false;
    *from = loop.start + first * loop.step;
    *to = loop.start + last * loop.step;
    return true;
}

static bool loop_static_start(long start, long end, long step, long size, long *from, long *to) {
    member.trip = 0;
    loop.start = start, loop.end = end, loop.step = step, loop.size = size;
    return loop_static_next(from, to);
}

static void loop_end_nowait(void) {}

static int get_max_threads(void) { return winnow_team_size > 0 ? winnow_team_size : winnow_thread_count(); }
static int get_num_threads(void) { return member.count; }
static int get_thread_num(void) { return member.number; }
static int in_parallel(void) { return member.job && member.count > 1; }

static const struct { const char *name; void *function; } entries[] = {
    {"GOMP_parallel_start", parallel_start}, {"GOMP_parallel_end", parallel_end}, {"GOMP_parallel", parallel},
    {"GOMP_barrier", barrier}, {"GOMP_loop_static_start", loop_static_start}, {"GOMP_loop_static_next", loop_static_next},
    {"GOMP_loop_end_nowait", loop_end_nowait}, {"GOMP_loop_end", barrier}, {"omp_get_max_threads", get_max_threads},
    {"omp_get_num_threads", get_num_threads}, {"omp_get_thread_num", get_thread_num}, {"omp_in_parallel", in_parallel},
};

static void *replacement(const char *name) {
    for (size_t index = 0; index < sizeof entries / sizeof *entries; index++)
        if (strcmp(name, entries[index].name) == 0) return entries[index].function;
    return NULL;
}

#define symbol_of(info) ((info) >> (sizeof(ElfW(Addr)) == 8 ? 32 : 8))

/// Sets the pointers of these relocations that are calls of OpenMP; false where one is not known here.
static bool redirect(ElfW(Addr) base, const ElfW(Rela) *relocations, size_t size, const ElfW(Sym) *symbols, const char *names, bool writes) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t index = 0; index < size / sizeof *relocations; index++) {
        const ElfW(Sym) *symbol = &symbols[symbol_of(relocations[index].r_info)];
        const char *name = names + symbol->st_name;
        if (symbol_of(relocations[index].r_info) == 0 || (strncmp(name, "GOMP_", 5) && strncmp(name, "omp_", 4))) continue;
        void *function = replacement(name);
        if (!function) return false;
        if (!writes) continue;
        void **place = (void **)(base + relocations[index].r_offset);
        uintptr_t start = (uintptr_t)place & ~(page - 1);
        if (mprotect((void *)start, page, PROT_READ | PROT_WRITE)) return false;
        *place = function;
    }
    return true;
}

static int redirect_library(struct dl_phdr_info *info, size_t unused, void *result) {
    (void)unused;
    if (!info->dlpi_name || !strstr(info->dlpi_name, "libdnnl")) return 0;
    const ElfW(Dyn) *dynamic = NULL;
    for (int index = 0; index < info->dlpi_phnum; index++)
        if (info->dlpi_phdr[index].p_type == PT_DYNAMIC) dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[index].p_vaddr);
    const ElfW(Rela) *calls = NULL, *data = NULL;
    size_t call_size = 0, data_size = 0;
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag == DT_JMPREL) calls = (const void *)dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_PLTRELSZ) call_size = dynamic->d_un.d_val;
        if (dynamic->d_tag == DT_RELA) data = (const void *)dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_RELASZ) data_size = dynamic->d_un.d_val;
        if (dynamic->d_tag == DT_SYMTAB) symbols = (const void *)dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_STRTAB) names = (const void *)dynamic->d_un.d_ptr;
    }
    if (!symbols || !names) return 1;
    // All calls or none: half of a team in each pool would wait for the other for ever.
    bool knows = redirect(info->dlpi_addr, calls, call_size, symbols, names, false)
        && redirect(info->dlpi_addr, data, data_size, symbols, names, false);
    *(bool *)result = knows && redirect(info->dlpi_addr, calls, call_size, symbols, names, true)
        && redirect(info->dlpi_addr, data, data_size, symbols, names, true);
    return 1;
}

__attribute__((constructor)) static void redirect_onednn(void) {
    bool done = false;
    dl_iterate_phdr(redirect_library, &done);
}
#endif
