#ifndef WINNOW_VECTORS_H
#define WINNOW_VECTORS_H
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

// Vectors spelled out, for sums and maxima of floats: they do not vectorize by themselves. All is inlined into the clones,
// by way of functions that take no vectors: those of a clone would have another calling convention.
#pragma clang diagnostic ignored "-Wpsabi"
enum { LANES = 16 };
typedef float floats __attribute__((ext_vector_type(16), aligned(4)));
typedef int32_t integers __attribute__((ext_vector_type(16), aligned(4)));

INLINE floats loaded(const float *x) { return *(const floats *)x; }
INLINE void store(floats value, float *y) { *(floats *)y = value; }

#define SWAPPED(x, distance) __builtin_shufflevector(                                                                    \
    x, x, 0 ^ distance, 1 ^ distance, 2 ^ distance, 3 ^ distance, 4 ^ distance, 5 ^ distance, 6 ^ distance, 7 ^ distance, \
    8 ^ distance, 9 ^ distance, 10 ^ distance, 11 ^ distance, 12 ^ distance, 13 ^ distance, 14 ^ distance, 15 ^ distance)

INLINE float total_of(floats x) {
    x += SWAPPED(x, 8);
    x += SWAPPED(x, 4);
    x += SWAPPED(x, 2);
    return (x + SWAPPED(x, 1))[0];
}

#endif
