#ifndef WINNOW_ROUNDING_H
#define WINNOW_ROUNDING_H
#include <stddef.h>

/// Every element i may be scale[i] · (code − zero[i]) with a code in low...high.

/// target[i] = the number nearest to x[i], halves to even.
void winnow_round_nearest(const float *x, float *target, size_t n, const float *scale, const float *zero, float low, float high);

/// A row of `width` elements, rounded one after the other: what each costs, (x[j] − ŷ) / factor[j][j], goes to
/// errors[j · stride], and errors · factor[j] is taken from the elements after it. `factor` is width × width.
void winnow_round_compensated(
    float *x, size_t width, const float *factor, float *errors, size_t stride, const float *scale, const float *zero, float low,
    float high);

/// target[i] = scale[i] · clip(⌊x[i] / scale[i]⌋ + part[i], low − zero[i], high − zero[i]) − x[i]
void winnow_soft_differences(
    const float *x, const float *part, float *target, size_t n, const float *scale, const float *zero, float low, float high);

/// A step of Adam: `rate` and `root` have the corrections for the moments' start in them.
struct winnow_soft_constants {
    float factor, pressure, sharpness, rate, root;
};

/// part = clip(1.2·σ(logit) − 0.1, 0, 1) after a step of the logits down factor · scale · slope and down
/// pressure · Σ(1 − |2·part − 1|^sharpness); parts that are 0 or 1 stay.
void winnow_soft_step(
    float *part, float *logit, float *first, float *second, const float *slope, const float *scale, size_t n,
    const struct winnow_soft_constants *step);
#endif
