#ifndef WINNOWSTATISTICS_H
#define WINNOWSTATISTICS_H
#include <stddef.h>
#include <stdint.h>

/// The smallest and largest of x; NaN is passed over, and (∞, −∞) means there was none. Whether all are finite.
int winnow_range(const float *x, size_t n, float *low, float *high);

/// Counts each x in bin (x − origin) · inverse_width, or the first or last of `bins` where it lies outside; NaN in the first.
/// Of x, blocks of 512 are counted that begin every `step` numbers, all of it where `step` is no more than their length.
/// `counts` holds `bins` numbers four times over, whose sums are the counts: equal neighbours do not wait for each other.
void winnow_histogram(const float *x, size_t n, size_t step, float origin, float inverse_width, uint32_t *counts, uint32_t bins);

#endif
