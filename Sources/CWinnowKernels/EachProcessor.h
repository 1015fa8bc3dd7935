#ifndef WINNOW_EACH_PROCESSOR_H
#define WINNOW_EACH_PROCESSOR_H

/// Compiles a function for each width of vectors; the widest the processor has is chosen at the start of the program.
#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
// A shared library may have to choose before the addresses of its visible functions are known. System headers are included before this one.
#pragma GCC visibility push(hidden)
#else
#define FOR_EACH_PROCESSOR
#endif

#endif
