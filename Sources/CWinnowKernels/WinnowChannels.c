#include "WinnowChannels.h"
#include "EachProcessor.h"

// Rows that are added up in float32 before float64 takes them.
enum { BLOCK = 64 };

#define EACH(...) for (size_t j = 0; j < width; j++) { __VA_ARGS__ }
// The same where what is written may be what is read, at the same place.
#define EACH_IN_PLACE(...) _Pragma("clang loop vectorize(assume_safety)") EACH(__VA_ARGS__)

FOR_EACH_PROCESSOR void winnow_channel_sums(
    const float *restrict x, double *restrict sums, float *restrict partial, size_t rows, size_t width) {
    for (size_t row = 0; row < rows;) {
        const size_t end = rows - row < BLOCK ? rows : row + BLOCK;
        EACH(partial[j] = 0;)
        for (; row + 4 <= end; row += 4, x += 4 * width)
            EACH(partial[j] += (x[j] + x[width + j]) + (x[2 * width + j] + x[3 * width + j]);)
        for (; row < end; row++, x += width) EACH(partial[j] += x[j];)
        EACH(sums[j] += partial[j];)
    }
}

FOR_EACH_PROCESSOR void winnow_channel_squares(
    const float *restrict x, const float *restrict mean, double *restrict squares, float *restrict partial, size_t rows,
    size_t width) {
    for (size_t row = 0; row < rows;) {
        const size_t end = rows - row < BLOCK ? rows : row + BLOCK;
        EACH(partial[j] = 0;)
        for (; row + 2 <= end; row += 2, x += 2 * width)
            EACH(const float a = x[j] - mean[j], b = x[width + j] - mean[j]; partial[j] += a * a + b * b;)
        for (; row < end; row++, x += width) EACH(const float a = x[j] - mean[j]; partial[j] += a * a;)
        EACH(squares[j] += partial[j];)
    }
}

FOR_EACH_PROCESSOR void winnow_channel_products(
    const float *restrict x, const float *restrict g, const float *restrict mean, double *restrict sums,
    double *restrict products, float *restrict partial, size_t rows, size_t width) {
    float *restrict other = partial + width;
    for (size_t row = 0; row < rows;) {
        const size_t end = rows - row < BLOCK ? rows : row + BLOCK;
        EACH(partial[j] = other[j] = 0;)
        for (; row + 2 <= end; row += 2, x += 2 * width, g += 2 * width)
            EACH(partial[j] += g[j] + g[width + j];
                 other[j] += g[j] * (x[j] - mean[j]) + g[width + j] * (x[width + j] - mean[j]);)
        for (; row < end; row++, x += width, g += width) EACH(partial[j] += g[j]; other[j] += g[j] * (x[j] - mean[j]);)
        EACH(sums[j] += partial[j]; products[j] += other[j];)
    }
}

FOR_EACH_PROCESSOR void winnow_channel_normalize(
    const float *x, const float *restrict mean, const float *restrict factor, const float *restrict shift, float *y, size_t rows,
    size_t width) {
    for (size_t row = 0; row < rows; row++, x += width, y += width)
        EACH_IN_PLACE(y[j] = (x[j] - mean[j]) * factor[j] + shift[j];)
}

FOR_EACH_PROCESSOR void winnow_channel_gradient(
    const float *x, const float *g, const float *restrict mean, const float *restrict factor, const float *restrict offset,
    const float *restrict slope, float *dx, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++, x += width, g += width, dx += width)
        EACH_IN_PLACE(dx[j] = factor[j] * (g[j] - offset[j] - (x[j] - mean[j]) * slope[j]);)
}
