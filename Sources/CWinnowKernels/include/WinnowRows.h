#ifndef WINNOWROWS_H
#define WINNOWROWS_H
#include <stddef.h>

// Gradients of what normalizes rows of `width` neighbouring elements.

/// dx of y = softmax(x), or of its logarithm, from dy and y: y (dy - sum dy y), or dy - e^y sum dy. dx may be dy or y.
void winnow_softmax_gradient(const float *dy, const float *y, float *dx, size_t rows, size_t width, int logarithm);

/// dx of y = scale (x - mean) / sqrt(variance + epsilon) + shift; `dscale` and `dshift` gain the sums over rows. dx may be x
/// or dy. `partial` has room for 2 `width` numbers: the sums of these rows, which should not be many.
void winnow_layer_normalization_gradient(
    const float *x, const float *dy, const float *scale, float *dx, double *dscale, double *dshift, float *partial,
    size_t rows, size_t width, float epsilon);

#endif
