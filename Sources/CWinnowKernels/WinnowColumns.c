#include "WinnowColumns.h"
#include "WinnowExponential.h"
#include "EachProcessor.h"

/// Columns whose largest elements and sums stay in the nearest cache.
enum { BLOCK = 256 };

#define EACH(statement) _Pragma("clang loop vectorize(assume_safety)") for (size_t j = 0; j < width; j++) { statement; }

WINNOW_INLINE void softmax_block(const float *x, float *y, size_t n, size_t stride, size_t width, int logarithm) {
    float high[BLOCK], sum[BLOCK];
    EACH(high[j] = x[j]; sum[j] = 0)
    for (size_t i = 1; i < n; i++) {
        const float *row = x + i * stride;
        EACH(high[j] = high[j] > row[j] ? high[j] : row[j])
    }
    for (size_t i = 0; i < n; i++) {
        const float *row = x + i * stride;
        float *out = y + i * stride;
        if (logarithm) {
            EACH(sum[j] += winnow_exponential(row[j] - high[j]))
        } else {
            EACH(const float term = winnow_exponential(row[j] - high[j]); sum[j] += term; out[j] = term)
        }
    }
    if (logarithm) {
        EACH(sum[j] = winnow_logarithm(sum[j]))
    } else {
        EACH(sum[j] = 1 / sum[j])
    }
    for (size_t i = 0; i < n; i++) {
        const float *row = x + i * stride;
        float *out = y + i * stride;
        if (logarithm) {
            EACH(out[j] = row[j] - high[j] - sum[j])
        } else {
            EACH(out[j] *= sum[j])
        }
    }
}

FOR_EACH_PROCESSOR void winnow_softmax_columns(const float *x, float *y, size_t n, size_t stride, size_t width, int logarithm) {
    for (size_t start = 0; start < width && n > 0; start += BLOCK) {
        const size_t count = width - start < BLOCK ? width - start : BLOCK;
        if (logarithm) {
            softmax_block(x + start, y + start, n, stride, count, 1);
        } else {
            softmax_block(x + start, y + start, n, stride, count, 0);
        }
    }
}
