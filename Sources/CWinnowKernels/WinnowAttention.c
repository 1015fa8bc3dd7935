#include "WinnowAttention.h"
#include "Vectors.h"
#include "EachProcessor.h"

INLINE void scores_of(
    const float *restrict query, const float *restrict keys, ptrdiff_t key_row, size_t key_count, size_t depth,
    float *restrict scores) {
    const size_t whole = depth / LANES * LANES;
    for (size_t key = 0; key < key_count; key++, keys += key_row) {
        floats sums = 0, more = 0;
        float rest = 0;
        size_t i = 0;
        for (; i + LANES < whole; i += 2 * LANES) {
            sums += loaded(query + i) * loaded(keys + i);
            more += loaded(query + i + LANES) * loaded(keys + i + LANES);
        }
        if (i < whole) sums += loaded(query + i) * loaded(keys + i);
        for (i = whole; i < depth; i++) rest += query[i] * keys[i];
        scores[key] = total_of(sums + more) + rest;
    }
}

INLINE void weighted_sum(
    const float *restrict weights, const float *restrict values, ptrdiff_t value_row, size_t value_count, size_t width,
    float *restrict y) {
    size_t i = 0;
    for (; i + 2 * LANES <= width; i += 2 * LANES) {
        floats first = 0, second = 0;
        for (size_t value = 0; value < value_count; value++) {
            const float *row = values + (ptrdiff_t)value * value_row + i;
            first += weights[value] * loaded(row);
            second += weights[value] * loaded(row + LANES);
        }
        store(first, y + i);
        store(second, y + i + LANES);
    }
    for (; i < width; i++) {
        float sum = 0;
        for (size_t value = 0; value < value_count; value++) sum += weights[value] * values[(ptrdiff_t)value * value_row + i];
        y[i] = sum;
    }
}

FOR_EACH_PROCESSOR void winnow_scores(
    const float *query, const float *keys, ptrdiff_t key_row, size_t key_count, size_t depth, float *scores) {
    scores_of(query, keys, key_row, key_count, depth, scores);
}

FOR_EACH_PROCESSOR void winnow_weighted_sum(
    const float *weights, const float *values, ptrdiff_t value_row, size_t value_count, size_t width, float *y) {
    weighted_sum(weights, values, value_row, value_count, width, y);
}
