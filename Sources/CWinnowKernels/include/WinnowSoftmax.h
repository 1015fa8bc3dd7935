#ifndef WINNOW_SOFTMAX_H
#define WINNOW_SOFTMAX_H
#include <stddef.h>

/// e^x over the sum of e^x for each of `rows` dense rows of `n` elements. x and y may be the same memory.
///
/// `mask` may be NULL; else mask[row * mask_row + i * mask_step] is added to element i of a row first. A row without a finite
/// sum gives NaN, or zeros where `clears` is not 0.
void winnow_softmax(
    const float *x, float *y, size_t rows, size_t n, const float *mask, ptrdiff_t mask_row, ptrdiff_t mask_step, int clears);

#endif
