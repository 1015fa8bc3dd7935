#include "include/WinnowPooling.h"
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_CPU __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_CPU
#endif

FOR_EACH_CPU static void take_larger(
    int64_t channels, const float *restrict values, int32_t offset, float *restrict best, int32_t *restrict winner) {
    for (int64_t c = 0; c < channels; c++) {
        int larger = values[c] > best[c];
        best[c] = larger ? values[c] : best[c];
        winner[c] = larger ? offset : winner[c];
    }
}

static void pool_at(
    const struct winnow_pooling *p, const int64_t at[3], int64_t channels, const float *source,
    const float *target_gradient, float *source_gradient, float *best, int32_t *winner) {
    int first = 1;
    for (int64_t k = 0; k < p->window[0]; k++) {
        int64_t z = at[0] * p->stride[0] - p->pad[0] + k * p->dilation[0];
        if (z < 0 || z >= p->source[0]) continue;
        for (int64_t i = 0; i < p->window[1]; i++) {
            int64_t y = at[1] * p->stride[1] - p->pad[1] + i * p->dilation[1];
            if (y < 0 || y >= p->source[1]) continue;
            for (int64_t j = 0; j < p->window[2]; j++) {
                int64_t x = at[2] * p->stride[2] - p->pad[2] + j * p->dilation[2];
                if (x < 0 || x >= p->source[2]) continue;
                int64_t offset = (z * p->source[1] + y) * p->source[2] + x;
                const float *values = source + offset * channels;
                if (first) {
                    memcpy(best, values, (size_t)channels * sizeof(float));
                    for (int64_t c = 0; c < channels; c++) winner[c] = (int32_t)offset;
                    first = 0;
                } else {
                    take_larger(channels, values, (int32_t)offset, best, winner);
                }
            }
        }
    }
    if (first) return;
    for (int64_t c = 0; c < channels; c++) source_gradient[winner[c] * channels + c] += target_gradient[c];
}

// One channel: no vectors over channels, so the running maximum stays in registers.
static void pool_plane(
    const struct winnow_pooling *p, const float *source, const float *target_gradient, float *source_gradient) {
    for (int64_t d = 0; d < p->target[0]; d++)
        for (int64_t h = 0; h < p->target[1]; h++)
            for (int64_t w = 0; w < p->target[2]; w++) {
                float best = 0;
                int64_t winner = -1;
                for (int64_t k = 0; k < p->window[0]; k++) {
                    int64_t z = d * p->stride[0] - p->pad[0] + k * p->dilation[0];
                    if (z < 0 || z >= p->source[0]) continue;
                    for (int64_t i = 0; i < p->window[1]; i++) {
                        int64_t y = h * p->stride[1] - p->pad[1] + i * p->dilation[1];
                        if (y < 0 || y >= p->source[1]) continue;
                        for (int64_t j = 0; j < p->window[2]; j++) {
                            int64_t x = w * p->stride[2] - p->pad[2] + j * p->dilation[2];
                            if (x < 0 || x >= p->source[2]) continue;
                            int64_t offset = (z * p->source[1] + y) * p->source[2] + x;
                            int larger = winner < 0 || source[offset] > best;
                            best = larger ? source[offset] : best;
                            winner = larger ? offset : winner;
                        }
                    }
                }
                if (winner >= 0) source_gradient[winner] += *target_gradient;
                target_gradient++;
            }
}

void winnow_max_pooling_gradient(
    const struct winnow_pooling *p, int64_t channels, const float *source, const float *target_gradient,
    float *source_gradient, float *best, int32_t *winner) {
    memset(source_gradient, 0, (size_t)(p->source[0] * p->source[1] * p->source[2] * channels) * sizeof(float));
    if (channels == 1) {
        pool_plane(p, source, target_gradient, source_gradient);
        return;
    }
    for (int64_t d = 0; d < p->target[0]; d++)
        for (int64_t h = 0; h < p->target[1]; h++)
            for (int64_t w = 0; w < p->target[2]; w++) {
                int64_t at[3] = {d, h, w};
                pool_at(p, at, channels, source, target_gradient, source_gradient, best, winner);
                target_gradient += channels;
            }
}
