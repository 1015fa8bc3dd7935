#include "WinnowDepthwise.h"
#include "Vectors.h"
#include "EachProcessor.h"

static int64_t limited(int64_t value, int64_t low, int64_t high) { return value < low ? low : value > high ? high : value; }

// A run of neighbouring targets, and the sources that one tap meets there.
struct run {
    const float *target, *source;
    int64_t channels, step, count;
};

// For so many vectors of channels the sum of target · source.
INLINE void add_vectors(const struct run *run, int64_t c, float *sum, const int vectors) {
    const float *target = run->target + c, *source = run->source + c;
    floats a[4] = {{0}};
    for (int64_t i = 0; i < run->count; i++, target += run->channels, source += run->step)
        for (int v = 0; v < vectors; v++) a[v] += loaded(target + v * LANES) * loaded(source + v * LANES);
    for (int v = 0; v < vectors; v++) store(loaded(sum + c + v * LANES) + a[v], sum + c + v * LANES);
}

// The last channels, fewer than a vector, from a vector that begins earlier.
INLINE void add_last(const struct run *run, int64_t c, float *sum) {
    const float *target = run->target + run->channels - LANES, *source = run->source + run->channels - LANES;
    floats a = {0};
    for (int64_t i = 0; i < run->count; i++, target += run->channels, source += run->step) a += loaded(target) * loaded(source);
    for (; c < run->channels; c++) sum[c] += a[c - run->channels + LANES];
}

// So many neighbouring channels, of fewer than a vector.
INLINE void add_few(const struct run *run, int64_t c, float *sum, const int count) {
    const float *target = run->target + c, *source = run->source + c;
    float a[8] = {0};
    for (int64_t i = 0; i < run->count; i++, target += run->channels, source += run->step)
        for (int j = 0; j < count; j++) a[j] += target[j] * source[j];
    for (int j = 0; j < count; j++) sum[c + j] += a[j];
}

INLINE void add_run_of_few(const struct run *run, float *sum) {
    int64_t c = 0;
    for (; c + 8 <= run->channels; c += 8) add_few(run, c, sum, 8);
    for (; c + 4 <= run->channels; c += 4) add_few(run, c, sum, 4);
    for (; c < run->channels; c++) add_few(run, c, sum, 1);
}

INLINE void add_run(const struct run *run, float *sum) {
    int64_t c = 0;
    for (; c + 4 * LANES <= run->channels; c += 4 * LANES) add_vectors(run, c, sum, 4);
    switch ((run->channels - c) / LANES) {
    case 3: add_vectors(run, c, sum, 3), c += 3 * LANES; break;
    case 2: add_vectors(run, c, sum, 2), c += 2 * LANES; break;
    case 1: add_vectors(run, c, sum, 1), c += LANES; break;
    }
    if (c < run->channels) add_last(run, c, sum);
}

FOR_EACH_PROCESSOR void winnow_depthwise_filter_gradient(
    const struct winnow_window *p, int64_t channels, const float *source, const float *target_gradient, float *sums) {
    const int64_t step = p->stride[2] * channels;
    for (int64_t d = 0; d < p->target[0]; d++)
        for (int64_t h = 0; h < p->target[1]; h++, target_gradient += p->target[2] * channels) {
            float *sum = sums;
            for (int64_t k = 0; k < p->window[0]; k++)
                for (int64_t i = 0; i < p->window[1]; i++) {
                    const int64_t z = d * p->stride[0] - p->pad[0] + k * p->dilation[0];
                    const int64_t y = h * p->stride[1] - p->pad[1] + i * p->dilation[1];
                    if (z < 0 || z >= p->source[0] || y < 0 || y >= p->source[1]) {
                        sum += p->window[2] * channels;
                        continue;
                    }
                    const float *row = source + (z * p->source[1] + y) * p->source[2] * channels;
                    for (int64_t j = 0; j < p->window[2]; j++, sum += channels) {
                        // Targets whose tap lies in the source: 0 <= w · stride + start < extent.
                        const int64_t start = j * p->dilation[2] - p->pad[2], stride = p->stride[2];
                        const int64_t first = start < 0 ? (-start + stride - 1) / stride : 0;
                        const int64_t reach = p->source[2] - 1 - start;
                        const int64_t end = reach < 0 ? 0 : limited(reach / stride + 1, 0, p->target[2]);
                        if (first >= end) continue;
                        const struct run run = {
                            target_gradient + first * channels, row + (first * stride + start) * channels, channels, step,
                            end - first};
                        if (channels < LANES) add_run_of_few(&run, sum);
                        else add_run(&run, sum);
                    }
                }
        }
}
