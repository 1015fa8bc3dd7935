#ifndef WINNOWCOLUMNS_H
#define WINNOWCOLUMNS_H
#include <stddef.h>

/// Softmax, or its logarithm, of `width` neighbouring columns of `n` elements that lie `stride` apart. y may be x.
void winnow_softmax_columns(const float *x, float *y, size_t n, size_t stride, size_t width, int logarithm);

#endif
