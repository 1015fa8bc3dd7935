#ifndef WINNOW_EACH_PROCESSOR_H
#define WINNOW_EACH_PROCESSOR_H

/// Compiles a function for each width of vectors; the widest the processor has is chosen at the start of the program.
#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

#endif
