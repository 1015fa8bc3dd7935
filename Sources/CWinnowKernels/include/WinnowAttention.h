#ifndef WINNOW_ATTENTION_H
#define WINNOW_ATTENTION_H
#include <stddef.h>

// The two products of attention for one query: keys and values are read once, so that packing them would not pay.

/// scores[j] = sum over i of query[i] * keys[j * key_row + i]
void winnow_scores(
    const float *query, const float *keys, ptrdiff_t key_row, size_t key_count, size_t depth, float *scores);

/// y[i] = sum over j of weights[j] * values[j * value_row + i]
void winnow_weighted_sum(
    const float *weights, const float *values, ptrdiff_t value_row, size_t value_count, size_t width, float *y);

#endif
