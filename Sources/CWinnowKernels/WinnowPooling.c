#include "WinnowPooling.h"
#include <string.h>
#include "EachProcessor.h"

/// The taps of one window that lie in the source: flat offset of the first, steps between taps, and their counts.
struct taps {
    int64_t first;
    int64_t step[3], count[3];
};

static inline void clip_taps(const struct winnow_window *p, int axis, int64_t at, int64_t unit, struct taps *taps) {
    int64_t start = at * p->stride[axis] - p->pad[axis], dilation = p->dilation[axis];
    int64_t low = 0, high = p->window[axis];
    // Divisions only at the edges: they cost more than the window.
    if (start < 0) low = (-start + dilation - 1) / dilation;
    if (start + (high - 1) * dilation >= p->source[axis])
        high = start < p->source[axis] ? (p->source[axis] - start + dilation - 1) / dilation : 0;
    taps->first += (start + low * dilation) * unit;
    taps->step[axis] = dilation * unit;
    taps->count[axis] = high > low ? high - low : 0;
}

// For one window and a vector of channels: the maximum, then the gradient to the first tap that equals it.
#define DEFINE_POOL(NAME, VECTOR, MASK)                                                                             \
    static inline __attribute__((always_inline)) void NAME(                                                        \
        const struct taps *t, const float *source, const float *target_gradient, float *source_gradient) {         \
        VECTOR best = *(const VECTOR *)(source + t->first);                                                         \
        for (int64_t k = 0; k < t->count[0]; k++)                                                                   \
            for (int64_t i = 0; i < t->count[1]; i++) {                                                             \
                const float *row = source + t->first + k * t->step[0] + i * t->step[1];                             \
                for (int64_t j = 0; j < t->count[2]; j++) {                                                         \
                    VECTOR x = *(const VECTOR *)(row + j * t->step[2]);                                             \
                    best = x > best ? x : best;                                                                     \
                }                                                                                                   \
            }                                                                                                       \
        VECTOR gradient = *(const VECTOR *)target_gradient;                                                         \
        for (int64_t k = 0; k < t->count[0]; k++)                                                                   \
            for (int64_t i = 0; i < t->count[1]; i++) {                                                             \
                int64_t row = t->first + k * t->step[0] + i * t->step[1];                                           \
                for (int64_t j = 0; j < t->count[2]; j++) {                                                         \
                    VECTOR x = *(const VECTOR *)(source + row + j * t->step[2]);                                    \
                    VECTOR *to = (VECTOR *)(source_gradient + row + j * t->step[2]);                                \
                    MASK wins = x == best;                                                                          \
                    *to += wins ? gradient : (VECTOR)0;                                                             \
                    gradient = wins ? (VECTOR)0 : gradient;                                                         \
                }                                                                                                   \
            }                                                                                                       \
    }

typedef float float16 __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef float float4 __attribute__((ext_vector_type(4), aligned(4), may_alias));
typedef int int16 __attribute__((ext_vector_type(16)));
typedef int int4 __attribute__((ext_vector_type(4)));
DEFINE_POOL(pool16, float16, int16)
DEFINE_POOL(pool4, float4, int4)
DEFINE_POOL(pool1, float, int)

FOR_EACH_PROCESSOR void winnow_max_pooling_gradient(
    const struct winnow_window *p, int64_t channels, const float *source, const float *target_gradient,
    float *source_gradient) {
    memset(source_gradient, 0, (size_t)(p->source[0] * p->source[1] * p->source[2] * channels) * sizeof(float));
    for (int64_t d = 0; d < p->target[0]; d++)
        for (int64_t h = 0; h < p->target[1]; h++) {
            struct taps row = {0};
            clip_taps(p, 0, d, p->source[1] * p->source[2] * channels, &row);
            clip_taps(p, 1, h, p->source[2] * channels, &row);
            for (int64_t w = 0; w < p->target[2]; w++, target_gradient += channels) {
                struct taps taps = row;
                clip_taps(p, 2, w, channels, &taps);
                if (taps.count[0] * taps.count[1] * taps.count[2] == 0) continue;
                int64_t c = 0;
                for (; c + 16 <= channels; c += 16)
                    pool16(&taps, source + c, target_gradient + c, source_gradient + c);
                for (; c + 4 <= channels; c += 4)
                    pool4(&taps, source + c, target_gradient + c, source_gradient + c);
                for (; c < channels; c++) pool1(&taps, source + c, target_gradient + c, source_gradient + c);
            }
        }
}
