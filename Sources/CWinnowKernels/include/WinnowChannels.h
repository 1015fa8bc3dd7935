#ifndef WINNOWCHANNELS_H
#define WINNOWCHANNELS_H
#include <stddef.h>

// Sums and changes of rows of `width` neighbouring elements that belong to a channel each, for batch normalization.

/// sums[j] gains the sum over rows of x; `partial` has room for `width` numbers.
void winnow_channel_sums(const float *x, double *sums, float *partial, size_t rows, size_t width);

/// squares[j] gains the sum over rows of (x - mean)²; `partial` has room for `width` numbers.
void winnow_channel_squares(const float *x, const float *mean, double *squares, float *partial, size_t rows, size_t width);

/// sums[j] and products[j] gain the sums over rows of g and g (x - mean); `partial` has room for 2 `width` numbers.
void winnow_channel_products(
    const float *x, const float *g, const float *mean, double *sums, double *products, float *partial, size_t rows, size_t width);

/// y = (x - mean) factor + shift. y may be x.
void winnow_channel_normalize(
    const float *x, const float *mean, const float *factor, const float *shift, float *y, size_t rows, size_t width);

/// dx = factor (g - offset - (x - mean) slope). dx may be x or g.
void winnow_channel_gradient(
    const float *x, const float *g, const float *mean, const float *factor, const float *offset, const float *slope, float *dx,
    size_t rows, size_t width);

#endif
