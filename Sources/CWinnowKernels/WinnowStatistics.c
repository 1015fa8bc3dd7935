#include "WinnowStatistics.h"
#include <math.h>
#include "EachProcessor.h"

enum { LANES = 64, BLOCK = 512 };

FOR_EACH_PROCESSOR int winnow_range(const float *x, size_t n, float *low, float *high) {
    float lows[LANES], highs[LANES], zeros[LANES];
    for (int lane = 0; lane < LANES; lane++) {
        lows[lane] = INFINITY;
        highs[lane] = -INFINITY;
        zeros[lane] = 0;
    }
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            const float value = x[i + lane];
            lows[lane] = value < lows[lane] ? value : lows[lane];
            highs[lane] = value > highs[lane] ? value : highs[lane];
            zeros[lane] += value * 0.0f;
        }
    }
    for (; i < n; i++) {
        lows[0] = x[i] < lows[0] ? x[i] : lows[0];
        highs[0] = x[i] > highs[0] ? x[i] : highs[0];
        zeros[0] += x[i] * 0.0f;
    }
    for (int lane = 1; lane < LANES; lane++) {
        lows[0] = lows[lane] < lows[0] ? lows[lane] : lows[0];
        highs[0] = highs[lane] > highs[0] ? highs[lane] : highs[0];
        zeros[0] += zeros[lane];
    }
    *low = lows[0];
    *high = highs[0];
    return zeros[0] == 0;
}

FOR_EACH_PROCESSOR void winnow_histogram(
    const float *x, size_t n, size_t step, float origin, float inverse_width, uint32_t *restrict counts, uint32_t bins) {
    const float last = (float)(bins - 1);
    uint32_t index[BLOCK];
    for (size_t start = 0; start < n; start += step > BLOCK ? step : BLOCK) {
        const size_t count = n - start < BLOCK ? n - start : BLOCK;
        for (size_t i = 0; i < count; i++) {
            const float place = (x[start + i] - origin) * inverse_width;
            const float inside = place > 0 ? place : 0;
            index[i] = (uint32_t)(int32_t)(inside < last ? inside : last);
        }
        for (size_t i = 0; i < count; i++) counts[(i & 3) * bins + index[i]]++;
    }
}
